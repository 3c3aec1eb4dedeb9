import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BodySequences } from '../../../src/server/ingest/body-sequences.ts';

/** Reservations as Redis makes them: each above the one before, in each bucket for itself. */
function reservations(): { open: () => Promise<Float64Array>; made: Float64Array[] } {
  const made: Float64Array[] = [];
  const open = async (): Promise<Float64Array> => {
    const base = Float64Array.from({ length: 64 }, (_, bucket) => 1.7e15 + bucket + made.length * 256 * 4096);
    made.push(base);
    return base;
  };
  return { open, made };
}

test('each block lies above the one before it, in every bucket, and a reservation serves 256 of them', async () => {
  const { open, made } = reservations();
  const sequences = new BodySequences(open);
  let last = new Float64Array(64);
  for (let block = 0; block < 600; block++) {
    const next = await sequences.next();
    assert.equal(next.length, 64);
    assert.ok(next.every((first, bucket) => first >= (last[bucket] as number) + 4096));
    assert.ok(next.every((first, bucket) => first < (made.at(-1)?.[bucket] as number) + 256 * 4096));
    last = next as Float64Array<ArrayBuffer>;
  }
  assert.equal(made.length, 3);
  assert.notEqual(made[0], made[1]);
});

test('a reservation that is a second old is replaced', async () => {
  const { open, made } = reservations();
  const sequences = new BodySequences(open);
  await sequences.next();
  await sleep(1_020);
  await sequences.next();
  assert.equal(made.length, 2);
});

test('a reservation is asked for above all that the body has had', async () => {
  const asked: Array<Float64Array | undefined> = [];
  const sequences = new BodySequences(async (above) => {
    asked.push(above);
    return Float64Array.from({ length: 64 }, (_, bucket) => 1e15 + bucket);
  });
  for (let block = 0; block < 257; block++) await sequences.next();
  assert.equal(asked.length, 2);
  assert.equal(asked[0], undefined);
  assert.ok(asked[1]?.every((above, bucket) => above === 1e15 + bucket + 256 * 4096));
});

test('a reservation that fails is tried again for the next block', async () => {
  let attempts = 0;
  const sequences = new BodySequences(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error('Redis is down');
    return new Float64Array(64);
  });
  await assert.rejects(sequences.next(), /Redis is down/);
  await sequences.next();
  assert.equal(attempts, 2);
});
