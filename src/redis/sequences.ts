import { SECOND } from '../units.ts';
import type { RedisConnection } from './client.ts';
import { StoreError } from './failure.ts';
import { BUCKETS, type Keys } from './keys.ts';

/*
 * A body of several blocks is written by several threads, in any order, yet of two blocks with the same series the
 * later one in the body must win. So the main thread reserves a range of sequences before it hands out blocks, and
 * gives each block its place in the range. Everything acknowledged before the reservation lies below the range, and
 * everything pushed after the body lies above it; what overlaps with the body may lie on either side.
 */

/** Sequences that one block of a body may use in each bucket: more than it can have pieces of one family. */
export const SEQUENCES_PER_BLOCK = 4096;
/** Blocks of a body that share one reservation. */
export const BLOCKS_PER_RESERVATION = 256;
export const SEQUENCES_PER_RESERVATION = SEQUENCES_PER_BLOCK * BLOCKS_PER_RESERVATION;
/** How long a reservation keeps the clock of an empty bucket alive: longer than any of its blocks takes to arrive. */
const RESERVATION_LIFE_MS = 30 * SECOND;

/**
 * Reserves sequences in every bucket. Returns the first one of each. Throws StoreError.
 * @param above in each bucket, that must not be below this: a master that has taken over may not have got what the one
 * before it has given out, and its clock may be behind
 */
export async function openSequences(
  connection: RedisConnection,
  keys: Keys,
  above?: Float64Array,
): Promise<Float64Array> {
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
  // On a Cluster the keys of a call must lie in one slot.
  const calls = connection.isCluster ? buckets.map((bucket) => [bucket]) : [buckets];
  const replies = await connection.runAll(
    calls.map((called) => ({
      script: 'openSequences',
      keys: called.map((bucket) => keys.clock(bucket)),
      args: [
        ...[SEQUENCES_PER_RESERVATION, RESERVATION_LIFE_MS],
        ...called.map((bucket) => above?.[bucket] ?? 0),
      ],
    })),
  );
  const first = replies.flatMap((reply) => {
    if (reply instanceof StoreError) throw reply;
    return (reply as Buffer[]).map(Number);
  });
  return Float64Array.from(first);
}
