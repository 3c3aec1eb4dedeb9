import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DistinctFamilies } from '../../src/redis/distinct-families.ts';
import { HashSum } from '../../src/redis/hash-sum.ts';

function sumOf(...hashes: number[]): HashSum {
  const sum = new HashSum();
  for (const hash of hashes) sum.add(hash, ~hash, 1);
  return sum;
}

test('a family is known by what stood in it, in any order, and by nothing else', () => {
  const families = new DistinctFamilies();
  assert.ok(!families.has('a', sumOf(1, 2)));
  families.note('a', sumOf(1, 2));
  assert.ok(families.has('a', sumOf(2, 1)));
  for (const other of [sumOf(1, 3), sumOf(1, 2, 0), sumOf(3), sumOf()]) assert.ok(!families.has('a', other));
  assert.ok(!families.has('b', sumOf(1, 2)));
  families.note('a', sumOf(7));
  assert.ok(families.has('a', sumOf(7)) && !families.has('a', sumOf(1, 2)));
});

test('of very many families only so many are known, until others have asked often enough', () => {
  const families = new DistinctFamilies();
  const most = 20_000;
  for (let i = 0; i < most; i++) families.note(`a${i}`, sumOf(i));
  families.note('late', sumOf(1));
  assert.ok(!families.has('late', sumOf(1)));
  assert.ok(families.has('a0', sumOf(0)));
  for (let i = 1; i < most; i++) families.note(`b${i}`, sumOf(i));
  assert.ok(families.has(`b${most - 1}`, sumOf(most - 1)));
  assert.ok(!families.has('a0', sumOf(0)));
});
