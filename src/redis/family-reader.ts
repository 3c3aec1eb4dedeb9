import { KIB } from '../units.ts';
import { BlockFormatError, BlockView, type FamilyKind } from './block.ts';
import { type ListedBlock, listBlocks, pageEnd } from './block-list.ts';
import { BlockMerge, type Piece } from './block-merge.ts';
import type { RedisConnection } from './client.ts';
import { StoreError } from './failure.ts';
import type { Keys } from './keys.ts';

/** Bounds of what is asked of Redis at once, and so of the memory that a reader takes. */
export interface ReadLimits {
  /** A family of no more than this is read at once; of a larger one, pages are read. */
  readonly wholeBytes: number;
  readonly wholeFields: number;
  /** Bounds of one call for many small families, and of its answer. */
  readonly callFamilies: number;
  readonly callBytes: number;
  readonly callFields: number;
  /** Size of a page of blocks of a large family. */
  readonly pageBytes: number;
  readonly pageBlocks: number;
}

export const READ_LIMITS: ReadLimits = {
  wholeBytes: 128 * KIB,
  wholeFields: 128,
  callFamilies: 250,
  callBytes: 512 * KIB,
  callFields: 4000,
  pageBytes: 512 * KIB,
  pageBlocks: 2000,
};

/** Times that a family may change under its reader before the reader gives up. */
const MAX_ROUNDS = 100;
/** Bytes of a stored entry, roughly: only to choose the first size of a table. */
const TYPICAL_ENTRY_BYTES = 128;

const NOTHING: Promise<Array<Buffer | null>> = Promise.resolve([]);
const NO_FAMILIES: Promise<FamiliesReply> = Promise.resolve([]);

export interface FamilyHead {
  readonly name: string;
  readonly type: string;
  /** As pushed, escaped. */
  readonly help: string | undefined;
  readonly unit: string | undefined;
}

/** One family, as far as it is known. A small one has been read, of a large one this reads the rest. */
export interface FamilyReading extends FamilyHead {
  texts(): AsyncGenerator<Piece, void> | Generator<Piece, void>;
}

/** What went by while reading. */
export interface ReadStats {
  series: number;
  /** Blocks that are listed but cannot be read: damaged, or evicted by Redis. */
  damagedBlocks: number;
}

/** How to read; all of it for tests. */
export interface ReadOptions {
  readonly limits?: ReadLimits;
  /** Called between any two steps of reading a large family. */
  pause?(step: 'listed' | 'page'): Promise<void>;
}

/**
 * Reads the families of one bucket that have these names, in that order, in groups. Each series that lives from before
 * the call until the end is in it exactly once, whatever is pushed or compacted meanwhile. Throws StoreError.
 */
export async function* readFamilies(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
  names: readonly string[],
  stats: ReadStats,
  options: ReadOptions = {},
): AsyncGenerator<FamilyReading[], void> {
  const limits = options.limits ?? READ_LIMITS;
  let asked = names.slice(0, limits.callFamilies);
  let coming = askForFamilies(connection, keys, bucket, asked, limits);
  for (let next = 0; next < names.length; ) {
    const [time, ...families] = await coming;
    const readings: FamilyReading[] = [];
    for (const [i, family] of families.entries()) {
      if (!Array.isArray(family)) continue;
      const name = asked[i];
      const [type, help, unit, bytes, ...values] = family;
      const head = {
        name,
        type: String(type),
        help: help === null ? undefined : String(help),
        unit: unit === null ? undefined : String(unit),
      };
      const kind = kindOf(head.type);
      const texts =
        values.length > 0
          ? () => wholeTexts(values as Array<Buffer | null>, Number(String(time)), kind, stats)
          : () => pagedTexts(connection, keys, bucket, name, kind, Number(bytes), stats, options);
      readings.push({ ...head, texts });
    }
    // Fewer than asked for: the answer was full. The next one is on its way while this one is worked on.
    next += Math.max(1, families.length);
    asked = names.slice(next, next + limits.callFamilies);
    coming = askForFamilies(connection, keys, bucket, asked, limits);
    yield readings;
  }
}

type FamiliesReply = Array<Buffer | null | Array<Buffer | number | null>>;

function askForFamilies(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
  names: readonly string[],
  limits: ReadLimits,
): Promise<FamiliesReply> {
  if (names.length === 0) return NO_FAMILIES;
  const answer = connection.run({
    script: 'readFamilies',
    keys: names.map((name) => keys.family(bucket, name)),
    args: [limits.wholeBytes, limits.wholeFields, limits.callBytes, limits.callFields],
  }) as Promise<FamiliesReply>;
  // Awaited only when the families before are done with: until then its failure is nobody's.
  answer.catch(() => {});
  return answer;
}

/** What entries of a family of this type consist of. */
export function kindOf(type: string): FamilyKind {
  if (type === 'gaugehistogram') return 'histogram';
  return type === 'histogram' || type === 'summary' ? type : 'plain';
}

function* wholeTexts(
  values: ReadonlyArray<Buffer | null>,
  nowMs: number,
  kind: FamilyKind,
  stats: ReadStats,
): Generator<Piece, void> {
  const merge = new BlockMerge(values.length * 16);
  for (const value of values) {
    const block = viewOf(value, kind, stats);
    if (block) yield* merge.take(block, nowMs);
  }
  stats.series += merge.series;
}

/*
 * A large family is listed, and then read newest first in pages, while others write to it. What can happen in between:
 * - A block is overwritten by a later push of the same series. It is read as it is then.
 * - A series moves to a new block, and compaction removes the listed block or takes the series out of it. The older
 *   blocks that are still to be read may hold older values of that series, so nothing more is shown from this list: it
 *   is made again, with the new block at its head, and what has not been read yet is.
 * Whether a block has expired is decided by the time at which its list was made, so that a block that was listed as
 * living is not taken for ended while its series are pushed again elsewhere.
 */
async function* pagedTexts(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
  name: string,
  kind: FamilyKind,
  bytes: number,
  stats: ReadStats,
  options: ReadOptions,
): AsyncGenerator<Piece, void> {
  const read = new Map<string, number>();
  let merge: BlockMerge | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const list = await listBlocks(connection, keys, bucket, name);
    const unread =
      round === 0 ? list.blocks : list.blocks.filter(({ field, sequence }) => read.get(field) !== sequence);
    merge ??= new BlockMerge(bytes / TYPICAL_ENTRY_BYTES);
    await options.pause?.('listed');
    let settled = true;
    for await (const [listed, value] of fetchBlocks(connection, keys.family(bucket, name), unread, options)) {
      if (value === null && !(await isDamaged(connection, keys.order(bucket, name), listed))) {
        settled = false;
        break;
      }
      read.set(listed.field, listed.sequence);
      const block = viewOf(value, kind, stats);
      if (block === undefined) continue;
      yield* merge.take(block, list.nowMs);
      if (block.revision > list.revision) {
        settled = false;
        break;
      }
    }
    if (settled) {
      stats.series += merge.series;
      return;
    }
  }
  throw new StoreError('churn', `the family ${name} changes faster than it can be read`);
}

/** The values of blocks, in their order; the next page is on its way while one is worked on. */
async function* fetchBlocks(
  connection: RedisConnection,
  hash: string,
  blocks: readonly ListedBlock[],
  { limits = READ_LIMITS, pause }: ReadOptions,
): AsyncGenerator<[ListedBlock, Buffer | null], void> {
  let from = 0;
  let to = pageEnd(blocks, from, limits.pageBlocks, limits.pageBytes);
  let coming = fetchPage(connection, hash, blocks, from, to);
  while (from < to) {
    const values = await coming;
    const page = from;
    [from, to] = [to, pageEnd(blocks, to, limits.pageBlocks, limits.pageBytes)];
    coming = fetchPage(connection, hash, blocks, from, to);
    for (let i = 0; i < values.length; i++) yield [blocks[page + i], values[i]];
    await pause?.('page');
  }
}

function fetchPage(
  connection: RedisConnection,
  hash: string,
  blocks: readonly ListedBlock[],
  from: number,
  to: number,
): Promise<Array<Buffer | null>> {
  if (from === to) return NOTHING;
  const fields = blocks.slice(from, to).map((block) => Buffer.from(block.field, 'latin1'));
  const answer = connection.command('HMGET', hash, ...fields) as Promise<Array<Buffer | null>>;
  // Awaited only when the page before it is done with: until then its failure is nobody's.
  answer.catch(() => {});
  return answer;
}

function viewOf(value: Buffer | null, kind: FamilyKind, stats: ReadStats): BlockView | undefined {
  try {
    if (value !== null) {
      const block = new BlockView(value);
      // Of a kind that the family no longer has: its entries have ended, or the type could not have changed.
      return block.kind === kind ? block : undefined;
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof BlockFormatError)) throw error;
  }
  stats.damagedBlocks++;
  return undefined;
}

// A block that has gone from the list too was removed in good order, and one with another place was written anew.
async function isDamaged(connection: RedisConnection, order: string, block: ListedBlock): Promise<boolean> {
  const sequence = await connection.command('ZSCORE', order, Buffer.from(block.field, 'latin1'));
  return sequence !== null && Number(String(sequence)) === block.sequence;
}
