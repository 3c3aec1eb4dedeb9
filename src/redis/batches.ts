import { KIB, MIB } from '../units.ts';
import { isLate, type RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import { bucketOf } from './keys.ts';

// Bounds of one script, so that none takes Redis more than a few ms (measured: 256 KiB of blocks 1.2 ms, 250 families
// of one series 4 ms).
const MAX_CALL_BYTES = 256 * KIB;
const MAX_CALL_BLOCKS = 256;
// Bounds of one round trip, so that one push of very many families neither runs into the command timeout as a whole nor
// keeps others waiting.
const MAX_ROUND_BYTES = 4 * MIB;
const MAX_ROUND_BLOCKS = 1024;

interface Batchable {
  readonly name: string;
  readonly blocks: ReadonlyArray<{ readonly payload: Buffer }>;
}

/** What one call writes: families of one bucket, or parts of them. */
export interface Batch<F extends Batchable> {
  readonly bucket: number;
  readonly pieces: Array<{ readonly family: F; readonly from: number; readonly to: number }>;
  blocks: number;
  bytes: number;
}

/** Groups families into calls. */
export function intoBatches<F extends Batchable>(families: readonly F[]): Array<Batch<F>> {
  const open = new Map<number, Batch<F>>();
  const batches: Array<Batch<F>> = [];
  const begin = (bucket: number): Batch<F> => {
    const batch: Batch<F> = { bucket, pieces: [], blocks: 0, bytes: 0 };
    batches.push(batch);
    open.set(bucket, batch);
    return batch;
  };
  for (const family of families) {
    const bucket = bucketOf(family.name);
    let batch = open.get(bucket) ?? begin(bucket);
    let from = 0;
    do {
      if (batch.blocks >= MAX_CALL_BLOCKS || batch.bytes >= MAX_CALL_BYTES) batch = begin(bucket);
      let to = from;
      while (to < family.blocks.length && batch.blocks < MAX_CALL_BLOCKS && batch.bytes < MAX_CALL_BYTES) {
        batch.bytes += family.blocks[to].payload.length;
        batch.blocks++;
        to++;
      }
      // A family costs about as much as a block even without one.
      if (family.blocks.length === 0) batch.blocks++;
      batch.pieces.push({ family, from, to });
      from = to;
    } while (from < family.blocks.length);
  }
  return batches;
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
