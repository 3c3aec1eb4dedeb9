import assert from 'node:assert/strict';
import test from 'node:test';
import { inTurn } from '../../bench/measure/in-turn.ts';
import { median, percentile } from '../../bench/measure/statistics.ts';

test('the median is the middle one, or the mean of the two in the middle, and sorts numbers as numbers', () => {
  assert.equal(median([10, 9, 100]), 10);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('the percentile is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([...hundred, 1_000], 0.99), 100);
  assert.equal(percentile([3, 1, 2], 0.99), 3);
  assert.equal(percentile([3, 1, 2], 0), 1);
  assert.ok(Number.isNaN(percentile([], 0.99)));
});

test('the values that are given stay in their order', () => {
  const values = [3, 1, 2];
  median(values);
  percentile(values, 0.99);
  assert.deepEqual(values, [3, 1, 2]);
});

test('measurements in turn: one of each, then one of each again', async () => {
  const order: string[] = [];
  const measure = (name: string, value: number) => async () => {
    order.push(name);
    return value;
  };
  const values = await inTurn(2, { ours: measure('ours', 1), official: measure('official', 2) });
  assert.deepEqual(values, { ours: [1, 1], official: [2, 2] });
  assert.deepEqual(order, ['ours', 'official', 'ours', 'official']);
});
