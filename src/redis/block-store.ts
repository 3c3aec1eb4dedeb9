import { type Batch, batchOf, intoBatches, intoRounds, isLoss, type Part, sendTimed } from './batches.ts';
import { type FamilyKind, stamp } from './block.ts';
import { HeaderWriter } from './call-header.ts';
import { CallKeys } from './call-keys.ts';
import type { RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { comesApart, Drafts, notWritten } from './drafts.ts';
import { StoreError } from './failure.ts';
import type { Keys } from './keys.ts';
import { CLASH_CODES, clashesOf } from './name-claims.ts';
import { Stamps } from './stamps.ts';

/** What the field of a block of /ingest begins with. */
const INGEST_OWNER = 'i'.charCodeAt(0);
export const DIGEST_BYTES = 16;
const FIELD_BYTES = 1 + DIGEST_BYTES;

export interface BlockWrite {
  /** Names the block among those of its owner: the same series from the same owner overwrite themselves. */
  readonly digest: Buffer;
  /** Stamped when it is sent: see stamps.ts. */
  readonly value: Buffer;
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
  const pieces: Array<Piece<F>> = [];
  const stamps = new Stamps(connection, options.ttlMs);
  const mayShelve = !connection.isCluster;
  let lost: StoreError | undefined;
  const send = async (batches: ReadonlyArray<Batch<F>>, mayComeApart: boolean): Promise<void> => {
    const calls = batches.map((batch) => {
      const isApart = mayComeApart && comesApart(batch, connection);
      return toCall(batch, keys, stamps, options, mayShelve, isApart);
    });
    const replies =
      lost === undefined ? await sendTimed(connection, calls) : batches.map(() => lost as StoreError);
    lost ??= replies.find((reply): reply is StoreError => reply instanceof StoreError && isLoss(reply));
    const undecided: Array<Part<F>> = [];
    for (let b = 0; b < batches.length; b++) {
      const { parts } = batches[b];
      const settled = outcomes(parts, replies[b]);
      for (let n = 0; n < parts.length; n++) {
        const { family, from, to } = parts[n];
        const outcome = settled[n];
        if (outcome === undefined) undecided.push(parts[n]);
        else pieces.push({ family, from, to, outcome });
      }
    }
    // Rare, so each in a call of its own.
    const again = undecided.map((part) => batchOf(part));
    if (again.length > 0) await send(again, false);
  };
  for (const round of intoRounds(intoBatches(families, keys, connection.isCluster))) await send(round, true);
  return pieces;
}

function toCall(
  batch: Batch<FamilyWrite>,
  keys: Keys,
  stamps: Stamps,
  options: CommitOptions,
  mayShelve: boolean,
  isApart: boolean,
): Call {
  const callKeys = new CallKeys();
  const args: Array<string | number | Buffer> = [
    options.ttlMs,
    options.fingerprint,
    options.replaceObsolete ? 1 : 0,
    batch.buckets.length,
    isApart ? 1 : 0,
    mayShelve ? 1 : 0,
  ];
  const drafts = isApart ? new Drafts(keys) : undefined;
  const headers = new HeaderWriter();
  for (const inBucket of batch.buckets) {
    const { bucket } = inBucket;
    const clock = keys.clock(bucket);
    const hashPrefix = keys.familyPrefix(bucket);
    const orderPrefix = keys.orderPrefix(bucket);
    const reserved = options.sequences?.[bucket];
    const first = reserved ?? stamps.propose(clock, inBucket.blocks);
    const deadlineMs = stamps.deadlineMs(clock);
    let sequence = first;
    callKeys.add(keys.index(bucket));
    callKeys.add(clock);
    headers.float64(first);
    headers.byte(reserved === undefined ? 0 : 1);
    headers.uint32(inBucket.to - inBucket.from);
    headers.float64(deadlineMs);
    args.push(headers.take());
    for (let n = inBucket.from; n < inBucket.to; n++) {
      const { family, from, to } = batch.parts[n];
      const { name, kind, blocks } = family;
      callKeys.add(hashPrefix, name);
      callKeys.add(orderPrefix, name);
      const draft = drafts?.begin(bucket, name);
      if (draft !== undefined) callKeys.add(draft.draft);
      const clashes = clashesOf(name, kind);
      headers.uint32(family.offset + from);
      headers.uint32(to - from);
      headers.byte(clashes.length);
      headers.word(kind);
      headers.description(family.type ?? '', family.help, family.unit);
      for (const clash of clashes) {
        callKeys.add(hashPrefix, clash.family);
        headers.byte(CLASH_CODES[clash.kinds]);
      }
      let fieldAt = headers.length;
      for (let i = from; i < to; i++) {
        headers.byte(INGEST_OWNER);
        headers.bytes(blocks[i].digest);
      }
      if (draft !== undefined) for (let i = from; i < to; i++) headers.uint32(blocks[i].value.length);
      const header = headers.take();
      args.push(header);
      if (reserved !== undefined) sequence = reserved + family.offset + from;
      for (let i = from; i < to; i++, fieldAt += FIELD_BYTES) {
        const { value } = blocks[i];
        stamp(value, sequence++, deadlineMs);
        if (draft === undefined) args.push(value);
        else draft.fields.push(header.subarray(fieldAt, fieldAt + FIELD_BYTES), value);
      }
    }
  }
  const call: Call = { script: 'commit', keys: callKeys, args };
  if (drafts === undefined) return call;
  const whole = (): Call => toCall(batch, keys, stamps, options, mayShelve, false);
  return { ...call, apart: { drafts: drafts.written, whole } };
}

/** What became of the parts of a batch. Undefined: it must be sent with the values as arguments. */
function outcomes(
  parts: ReadonlyArray<Part<FamilyWrite>>,
  reply: Reply[] | StoreError,
): Array<Outcome | undefined> {
  if (reply instanceof StoreError) return parts.map(() => ({ status: 'failed', error: reply }));
  const settled = parts.map(({ family }, i) => toOutcome(reply[i + 1], family));
  if (reply.length === parts.length + 1) return settled;
  const isWritten = (i: number): boolean => settled[i]?.status === 'stored' && parts[i].to > parts[i].from;
  if (reply[parts.length + 1] === parts.filter((_, i) => isWritten(i)).length) return settled;
  const error = notWritten();
  return settled.map((outcome, i) => (isWritten(i) ? { status: 'failed', error } : outcome));
}

const STORED: Outcome = { status: 'stored', wantsCompaction: false };
const OUTGROWN: Outcome = { status: 'stored', wantsCompaction: true };

function toOutcome(result: Reply, family: FamilyWrite): Outcome | undefined {
  if (typeof result === 'number') return result === 1 ? OUTGROWN : STORED;
  if (!Array.isArray(result)) return String(result) === 'whole' ? undefined : { status: 'rekey' };
  const which = result[2] as number;
  return {
    status: 'taken',
    family: which === 0 ? family.name : clashesOf(family.name, family.kind)[which - 1].family,
    type: String(result[0]),
    untilMs: Number(String(result[1])),
  };
}
