import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextMemory } from '../../src/server/text-memory.ts';
import { MIB } from '../../src/units.ts';

test('memory that is given back is used again, for texts of any usual length', () => {
  const memory = new TextMemory(1);
  const { buffer, byteLength } = memory.take(1000);
  assert.equal(byteLength, 1000);
  memory.give(buffer);
  const again = memory.take(500_000);
  assert.equal(again.buffer, buffer);
  assert.equal(again.byteLength, 500_000);
  assert.notEqual(memory.take(1000).buffer, buffer, 'two have the same memory');
});

test('no more is kept than asked for, and nothing of an unusual length', () => {
  const memory = new TextMemory(1);
  const [first, second, large] = [memory.take(1), memory.take(1), memory.take(2 * MIB)];
  assert.equal(large.byteLength, 2 * MIB);
  for (const { buffer } of [large, first, second]) memory.give(buffer);
  assert.equal(memory.take(1).buffer, first.buffer);
  assert.notEqual(memory.take(1).buffer, second.buffer);
});
