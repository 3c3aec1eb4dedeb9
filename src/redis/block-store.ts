import { KIB, MIB } from '../units.ts';
import type { FamilyKind } from './block.ts';
import type { RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import { bucketOf, type Keys } from './keys.ts';
import { type Clash, clashesOf } from './name-claims.ts';

export interface BlockWrite {
  /** Names the block in its family: the same set of series from the same owner overwrites itself. */
  readonly field: Buffer;
  /** The value without the part that the script writes (see block.ts). */
  readonly payload: Buffer;
}

export interface FamilyWrite {
  readonly name: string;
  readonly kind: FamilyKind;
  /** As declared. Undefined: takes the type that the family has. */
  readonly type: string | undefined;
  /** Escaped as in the exposition. Undefined: keeps the one that the family has. */
  readonly help: string | undefined;
  /** Likewise. */
  readonly unit: string | undefined;
  readonly blocks: readonly BlockWrite[];
  /** How many blocks of the family come before these in the part of the body: so many sequences are taken. */
  readonly offset: number;
}

export interface CommitOptions {
  readonly ttlMs: number;
  /** First sequence for each bucket, for a block of a longer body. */
  readonly sequences: Float64Array | undefined;
  /** Of the secret that the identities are hashed with. */
  readonly fingerprint: string;
  /** Remove what a family holds under another secret: only if Redis was just seen to hold this one. */
  readonly replaceObsolete: boolean;
}

export type Outcome =
  | { readonly status: 'stored'; readonly wantsCompaction: boolean }
  /** `family` lives with this type, until then at least. */
  | { readonly status: 'taken'; readonly family: string; readonly type: string; readonly untilMs: number }
  | { readonly status: 'rekey' }
  | { readonly status: 'failed'; readonly error: StoreError };

/** What became of the blocks `from` to `to` (exclusive) of a family. Those of one piece share their fate. */
export interface Piece<F extends FamilyWrite = FamilyWrite> {
  readonly family: F;
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
}

// Bounds of one script, so that none takes Redis more than a few ms (measured: 256 KiB of blocks 1.2 ms, 250 families
// of one series 4 ms).
const MAX_CALL_BYTES = 256 * KIB;
const MAX_CALL_BLOCKS = 256;
// Bounds of one round trip, so that one push of very many families neither runs into the command timeout as a whole nor
// keeps others waiting.
const MAX_ROUND_BYTES = 4 * MIB;
const MAX_ROUND_BLOCKS = 1024;

interface Batch<F extends FamilyWrite> {
  readonly bucket: number;
  readonly pieces: Array<{ family: F; from: number; to: number; clashes: Clash[] }>;
  blocks: number;
  bytes: number;
}

/**
 * Stores families. Each piece is stored whole or not at all, and a piece is reported as stored only when Redis has said
 * so. Of a piece that failed by `timeout` or `connection` it is not known; it may still be carried out within the
 * command timeout, never later. Does not throw.
 */
export async function commit<F extends FamilyWrite>(
  connection: RedisConnection,
  keys: Keys,
  families: readonly F[],
  options: CommitOptions,
): Promise<Array<Piece<F>>> {
  const batches = intoBatches(families);
  const pieces: Array<Piece<F>> = [];
  let lost: StoreError | undefined;
  for (let from = 0; from < batches.length; ) {
    const to = roundEnd(batches, from);
    const round = batches.slice(from, to);
    from = to;
    const replies =
      lost === undefined ? await sendRound(connection, keys, round, options) : round.map(() => lost);
    for (const [i, batch] of round.entries()) pieces.push(...outcomes(connection, batch, replies[i] ?? null));
    // What has not been sent yet would fail as well, after another wait.
    lost ??= replies.find((reply): reply is StoreError => reply instanceof StoreError && isLoss(reply));
  }
  return pieces;
}

function isLoss({ reason }: StoreError): boolean {
  return reason === 'timeout' || reason === 'connection';
}

function roundEnd(batches: ReadonlyArray<Batch<FamilyWrite>>, from: number): number {
  let [to, blocks, bytes] = [from, 0, 0];
  while (to < batches.length && (to === from || (blocks < MAX_ROUND_BLOCKS && bytes < MAX_ROUND_BYTES))) {
    blocks += batches[to].blocks;
    bytes += batches[to].bytes;
    to++;
  }
  return to;
}

async function sendRound(
  connection: RedisConnection,
  keys: Keys,
  batches: ReadonlyArray<Batch<FamilyWrite>>,
  options: CommitOptions,
): Promise<Array<Reply | StoreError>> {
  const latest = connection.latestExecutionUs();
  const replies = await connection.runAll(batches.map((batch) => toCall(batch, keys, options, latest)));
  for (const [i, reply] of replies.entries()) {
    if (!isLate(reply)) continue;
    // The server's clock was stepped forward. It has told us the time, and has done nothing.
    connection.noteServerTime(Number(String(reply[1])));
    replies[i] = await connection
      .run(toCall(batches[i], keys, options, connection.latestExecutionUs()))
      .catch((error: StoreError) => error);
  }
  return replies;
}

function intoBatches<F extends FamilyWrite>(families: readonly F[]): Array<Batch<F>> {
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
    const clashes = clashesOf(family.name, family.kind);
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
      batch.pieces.push({ family, from, to, clashes });
      from = to;
    } while (from < family.blocks.length);
  }
  return batches;
}

function toCall(batch: Batch<FamilyWrite>, keys: Keys, options: CommitOptions, latestUs: number): Call {
  const { bucket } = batch;
  const callKeys: string[] = [keys.index(bucket), keys.clock(bucket)];
  const args: Array<string | number | Buffer> = [
    latestUs,
    options.ttlMs,
    options.sequences?.[bucket] ?? 0,
    options.fingerprint,
    options.replaceObsolete ? 1 : 0,
    batch.pieces.length,
  ];
  for (const { family, from, to, clashes } of batch.pieces) {
    callKeys.push(keys.family(bucket, family.name), keys.order(bucket, family.name));
    const help = family.help === undefined ? '' : `=${family.help}`;
    const unit = family.unit === undefined ? '' : `=${family.unit}`;
    args.push(family.name, family.type ?? '', family.kind, help, unit, family.offset + from, clashes.length);
    for (const clash of clashes) {
      callKeys.push(keys.family(bucket, clash.family));
      args.push(clash.kinds);
    }
    args.push(to - from);
    for (let i = from; i < to; i++) {
      args.push(family.blocks[i].field, family.blocks[i].payload);
    }
  }
  return { script: 'commit', keys: callKeys, args };
}

function isLate(reply: Reply | StoreError): reply is Reply[] {
  return Array.isArray(reply) && String(reply[0]) === 'late';
}

function outcomes<F extends FamilyWrite>(
  connection: RedisConnection,
  batch: Batch<F>,
  reply: Reply | StoreError,
): Array<Piece<F>> {
  if (!Array.isArray(reply) || isLate(reply)) {
    const error =
      reply instanceof StoreError
        ? reply
        : new StoreError('clock', 'the clock of Redis is not steady enough to write');
    return batch.pieces.map((piece) => ({ ...piece, outcome: { status: 'failed', error } }));
  }
  connection.noteServerTime(Number(String(reply[0])));
  return batch.pieces.map(({ family, from, to, clashes }, i) => {
    return { family, from, to, outcome: toOutcome(reply[i + 1], family, clashes) };
  });
}

function toOutcome(result: Reply, family: FamilyWrite, clashes: readonly Clash[]): Outcome {
  if (typeof result === 'number') return { status: 'stored', wantsCompaction: result === 1 };
  if (!Array.isArray(result)) return { status: 'rekey' };
  const which = result[2] as number;
  return {
    status: 'taken',
    family: which === 0 ? family.name : clashes[which - 1].family,
    type: String(result[0]),
    untilMs: Number(String(result[1])),
  };
}
