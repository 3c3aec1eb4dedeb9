import { KIB, MIB } from '../units.ts';
import { isLate, type RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import { BUCKETS, type Keys } from './keys.ts';

// Bounds of one call, so that none takes Redis more than a few ms (measured: 256 KiB of blocks 1.2 ms as arguments of a
// script and 0.2 ms apart from it, 250 families of one series 2.5 ms).
const MAX_CALL_BYTES = 256 * KIB;
const MAX_CALL_BLOCKS = 256;
// Bounds of one round trip, so that one push of very many families neither runs into the command timeout as a whole nor
// keeps others waiting for long: Redis takes some 20 ms for so many families of one series, 40 ms if they are new. Nine calls
// take what a piece of a body has of such families, lines of 130 bytes with HELP and TYPE. With two round trips Redis
// waited for the thread to come back from another task, and 200,000 families took 5 to 10 % longer.
const MAX_ROUND_BYTES = 4 * MIB;
const MAX_ROUND_BLOCKS = 9 * MAX_CALL_BLOCKS;

export interface Batchable {
  readonly name: string;
  readonly blocks: ReadonlyArray<{ readonly value: Buffer }>;
}

/** Blocks of a family, from one to another (exclusive). */
export interface Part<F extends Batchable> {
  readonly family: F;
  readonly bucket: number;
  readonly from: number;
  readonly to: number;
}

/** What one call writes: families, or parts of them, in the order in which it is answered, bucket after bucket. */
export interface Batch<F extends Batchable> {
  readonly parts: Array<Part<F>>;
  readonly buckets: BucketParts[];
  blocks: number;
  bytes: number;
}

/** The parts from one to another (exclusive) are of one bucket, and have so many blocks. */
export interface BucketParts {
  readonly bucket: number;
  readonly from: number;
  to: number;
  blocks: number;
}

/**
 * Groups families into calls.
 * @param oneSlot the keys of a call must lie in one slot, so that each bucket has calls of its own. If not, a small push
 *   takes one call: each costs the sender 50 µs and more, whatever is in it.
 */
export function intoBatches<F extends Batchable>(
  families: readonly F[],
  keys: Keys,
  oneSlot: boolean,
): Array<Batch<F>> {
  const batches: Array<Batch<F>> = [];
  let batch: Batch<F> | undefined;
  let last = -1;
  const buckets = new Uint8Array(families.length);
  for (let i = 0; i < families.length; i++) buckets[i] = keys.bucket(families[i].name);
  const order = orderByBucket(buckets);
  for (let n = 0; n < order.length; n++) {
    const family = families[order[n]];
    const bucket = buckets[order[n]];
    if (oneSlot && bucket !== last) batch = undefined;
    last = bucket;
    let from = 0;
    do {
      if (batch === undefined || isFull(batch)) {
        batch = { parts: [], buckets: [], blocks: 0, bytes: 0 };
        batches.push(batch);
      }
      const before = batch.blocks;
      let to = from;
      while (to < family.blocks.length && !isFull(batch)) {
        batch.bytes += family.blocks[to].value.length;
        batch.blocks++;
        to++;
      }
      const blocks = batch.blocks - before;
      // A family costs about as much as a block even without one.
      if (family.blocks.length === 0) batch.blocks++;
      addPart(batch, { family, bucket, from, to }, blocks);
      from = to;
    } while (from < family.blocks.length);
  }
  return batches;
}

/** The order in which families of one bucket follow each other, as indices: a list for each bucket takes far more memory. */
function orderByBucket(buckets: Uint8Array): Int32Array {
  const next = new Int32Array(BUCKETS + 1);
  for (let i = 0; i < buckets.length; i++) next[buckets[i] + 1]++;
  for (let b = 0; b < BUCKETS; b++) next[b + 1] += next[b];
  const order = new Int32Array(buckets.length);
  for (let i = 0; i < buckets.length; i++) order[next[buckets[i]]++] = i;
  return order;
}

function addPart<F extends Batchable>(batch: Batch<F>, part: Part<F>, blocks: number): void {
  const { bucket } = part;
  const to = batch.parts.push(part);
  const last = batch.buckets[batch.buckets.length - 1];
  if (last?.bucket === bucket) {
    last.to = to;
    last.blocks += blocks;
  } else {
    batch.buckets.push({ bucket, from: to - 1, to, blocks });
  }
}

/** A call that writes one part only. */
export function batchOf<F extends Batchable>(part: Part<F>): Batch<F> {
  const { family, from, to } = part;
  const bytes = family.blocks.slice(from, to).reduce((sum, { value }) => sum + value.length, 0);
  const batch: Batch<F> = { parts: [], buckets: [], blocks: Math.max(1, to - from), bytes };
  addPart(batch, part, to - from);
  return batch;
}

function isFull({ blocks, bytes }: { readonly blocks: number; readonly bytes: number }): boolean {
  return blocks >= MAX_CALL_BLOCKS || bytes >= MAX_CALL_BYTES;
}

/** The batches in groups that make one round trip each. */
export function* intoRounds<B extends { readonly blocks: number; readonly bytes: number }>(
  batches: readonly B[],
): Generator<B[], void> {
  for (let from = 0; from < batches.length; ) {
    let [to, blocks, bytes] = [from, 0, 0];
    while (to < batches.length && (to === from || (blocks < MAX_ROUND_BLOCKS && bytes < MAX_ROUND_BYTES))) {
      blocks += batches[to].blocks;
      bytes += batches[to].bytes;
      to++;
    }
    yield batches.slice(from, to);
    from = to;
  }
}

/**
 * Sends calls of scripts that Redis must not carry out after their sender has given up (TIMED). What they answer begins
 * with the time.
 */
export async function sendTimed(
  connection: RedisConnection,
  calls: readonly Call[],
): Promise<Array<Reply[] | StoreError>> {
  return (await connection.runAll(calls)).map((reply) => {
    if (reply instanceof StoreError) return reply;
    if (Array.isArray(reply) && !isLate(reply)) return reply;
    return new StoreError('clock', 'the clock of Redis is not steady enough to write');
  });
}

/** Whether Redis cannot be reached, so that what is sent next would fail as well, after another wait. */
export function isLoss({ reason }: StoreError): boolean {
  return reason === 'timeout' || reason === 'connection';
}
