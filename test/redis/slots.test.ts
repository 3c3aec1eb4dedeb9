import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOTS, slotOf } from '../../src/redis/connection/slots.ts';
import { BUCKETS, Keys } from '../../src/redis/keys.ts';

test('masters that share the slots evenly share the buckets evenly', () => {
  const keys = new Keys('some-prefix:');
  for (const masters of [2, 3, 4]) {
    const held = new Array<number>(masters).fill(0);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      held[Math.floor((slotOf(keys.index(bucket)) * masters) / SLOTS)] += 1;
    }
    for (const count of held) assert.ok(Math.abs(count - BUCKETS / masters) < 1, `${held}`);
  }
});

test('no two buckets share a slot, so that they can be moved one by one', () => {
  const keys = new Keys('');
  assert.equal(
    new Set(Array.from({ length: BUCKETS }, (_, bucket) => slotOf(keys.index(bucket)))).size,
    BUCKETS,
  );
});
