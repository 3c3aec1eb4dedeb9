import { KIB, MIB, SECOND } from '../units.ts';
import { AskedFamilies, type FamilyRef, type Holdings } from './asked-families.ts';
import { BlockFormatError, BlockView, type FamilyKind } from './block.ts';
import { type BlockList, type ListedBlock, listBlocks, pageEnd } from './block-list.ts';
import type { BlockMerge, Piece } from './block-merge.ts';
import type { RedisConnection } from './client.ts';
import { StoreError } from './failure.ts';
import { FamilyAnswers } from './family-answers.ts';
import type { FamilyBlocks, ReadStats } from './family-blocks.ts';
import type { BucketNames } from './family-index.ts';
import { META, readMeta } from './family-meta.ts';
import { FieldValues } from './field-values.ts';
import { HashSum } from './hash-sum.ts';
import { deadlinesOf, groupOfBlock, groupsOf, HOLDING, isLone, livesUntil } from './holdings.ts';
import type { Keys } from './keys.ts';
import { KnownFamilies } from './known-families.ts';
import { isPlace, readFields } from './shelves.ts';

/** Bounds of what is asked of Redis at once, and so of the memory that a reader takes. */
export interface ReadLimits {
  /** Families of no more than this are read whole, one or many at once; of a larger one, pages are read. */
  readonly onceBytes: number;
  /** If its size was told longer ago than this, ms, it may have grown, and is asked for again. */
  readonly onceMs: number;
  /** While the batches on their way have less, there may be more than two. */
  readonly aheadBytes: number;
  /** So many are looked at at once, for how large they are, or taken from the index. */
  readonly sizeFamilies: number;
  /** Bounds of one batch of families that are read. */
  readonly callFamilies: number;
  readonly callBytes: number;
  /** Size of a page of blocks of a large family. */
  readonly pageBytes: number;
  readonly pageBlocks: number;
}

export const READ_LIMITS: ReadLimits = {
  onceBytes: 2 * MIB,
  onceMs: 1 * SECOND,
  aheadBytes: 1 * MIB,
  sizeFamilies: 1000,
  callFamilies: 500,
  callBytes: 512 * KIB,
  pageBytes: 256 * KIB,
  pageBlocks: 2000,
};

/** Times that a family may change under its reader before the reader gives up. */
const MAX_ROUNDS = 100;
/** Likewise, counting blocks that pushes of groups have removed: each costs a short look at what is new. */
const MAX_REMOVED = 10_000;
/**
 * Pages on their way at once, while one is worked on. A scrape of five million series took 0.65 s with two of 256 KiB, 0.73 s with
 * one of 512 KiB, 0.66 s with two of these (and Redis a quarter more), and 0.73 s with three of 128 KiB.
 */
const PAGES_SENT = 2;
/** Bytes of a stored entry, roughly: only to choose the first size of a table. */
const TYPICAL_ENTRY_BYTES = 128;

const NOTHING: Promise<BlockPage> = Promise.resolve({
  values: [],
  deadlineOf: () => undefined,
  release: () => {},
});

export interface FamilyHead {
  readonly name: string;
  readonly type: string;
  /** As pushed, escaped. */
  readonly help: string | undefined;
  readonly unit: string | undefined;
}

/** One that is stored. */
export interface StoredReading extends FamilyReading {
  readonly bucket: number;
}

/** One family, as far as it is known. A small one has been read, of a large one this reads the rest. */
export interface FamilyReading extends FamilyHead {
  /**
   * At once, or in pages; good until others are asked for. Families share what they are read with: one is read to its end
   * before the next one.
   */
  texts(): readonly Piece[] | AsyncGenerator<readonly Piece[], void>;
}

export interface ReadOptions {
  /** What scrapes before this one have found out, and this one does. Default: nothing, for nobody. */
  readonly holdings?: Holdings;
  /** Called once, when all have been asked for: only the last batches are still to be given, if any. */
  readonly onAllAsked?: () => void;
  /** For tests, as is the next. */
  readonly limits?: ReadLimits;
  /** Called between any two steps of reading a large family. */
  pause?(step: 'listed' | 'page'): Promise<void>;
}

/**
 * Reads families, in the order in which they are named, in groups. Each series that lives from before the call until the
 * end is in it exactly once, whatever is pushed or compacted meanwhile. Throws StoreError.
 */
export async function* readFamilies(
  connection: RedisConnection,
  keys: Keys,
  names: AsyncIterable<BucketNames>,
  stats: ReadStats,
  merge: BlockMerge,
  options: ReadOptions = {},
): AsyncGenerator<StoredReading[], void> {
  const { limits = READ_LIMITS, holdings = new KnownFamilies() } = options;
  const asked = new AskedFamilies(connection, keys, names, limits, holdings, options.onAllAsked);
  let ahead: LargeFamily | undefined;
  try {
    for (let next = await asked.next(); next !== undefined; next = await asked.next()) {
      if (next instanceof FamilyAnswers) {
        const again = await asked.again(next);
        const { nowMs } = next;
        const nowAgainMs = again?.nowMs ?? nowMs;
        const readings: StoredReading[] = [];
        let reread = 0;
        for (const [i, ref] of next.refs.entries()) {
          let blocks = next.blocksOf(i);
          const isUnclear = again !== undefined && blocks.isUnclear;
          if (isUnclear) blocks = again.blocksOf(reread++);
          if (blocks.isGone) continue;
          readings.push(new WholeFamily(ref, blocks, isUnclear ? nowAgainMs : nowMs, stats, merge));
        }
        yield readings;
        asked.release(next);
        if (again !== undefined) asked.release(again);
      } else {
        const { bucket, name } = next;
        if (ahead?.ref !== next) {
          ahead?.drop();
          ahead = new LargeFamily(connection, keys, next, options);
        }
        const family = ahead;
        const text = await family.meta;
        if (text === null) {
          family.drop();
          ahead = undefined;
          continue;
        }
        const { type, help, unit, bytes } = readMeta(text);
        const kind = kindOf(type);
        const askForNext = (): void => {
          if (ahead !== family) return;
          const { following } = asked;
          ahead = following && new LargeFamily(connection, keys, following, options);
        };
        const texts = () =>
          pagedTexts(connection, keys, family, kind, bytes, stats, merge, options, askForNext);
        yield [{ bucket, name, type, help, unit, texts }];
        family.drop();
      }
    }
  } finally {
    ahead?.drop();
    asked.close();
  }
}

/**
 * One that is read in pages: what it is asked for first, all at once. While the last page of the one before it comes, that
 * is: a scrape of many large families waits for each step of each.
 */
class LargeFamily {
  readonly ref: FamilyRef;
  readonly listed: Promise<BlockList>;
  readonly meta: Promise<Buffer | null>;
  #first: Promise<BlockPage> | undefined;

  constructor(
    connection: RedisConnection,
    keys: Keys,
    ref: FamilyRef,
    { limits = READ_LIMITS, pause }: ReadOptions,
  ) {
    const { bucket, name } = ref;
    const [hash, order] = [keys.family(bucket, name), keys.order(bucket, name)];
    this.ref = ref;
    this.listed = listBlocks(connection, keys, bucket, name);
    this.meta = connection.command('HGET', hash, META) as Promise<Buffer | null>;
    // Who wants to come between the list and its pages must be able to.
    if (pause === undefined) {
      this.#first = this.listed.then(({ blocks }) =>
        fetchPage(connection, hash, order, firstPage(blocks, limits)),
      );
    }
    // Awaited only when it is read, if at all: until then its failure is nobody's.
    for (const answer of [this.listed, this.meta, this.#first]) answer?.catch(() => {});
  }

  /** The first page of the list, once. Undefined: it was not asked for. */
  takeFirst(): Promise<BlockPage> | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first;
  }

  /** It is not read, or no further. */
  drop(): void {
    this.takeFirst()
      ?.then(({ release }) => release())
      .catch(() => {});
  }
}

function firstPage(blocks: readonly ListedBlock[], { pageBlocks, pageBytes }: ReadLimits): ListedBlock[] {
  return blocks.slice(0, pageEnd(blocks, 0, pageBlocks, pageBytes));
}

/** There may be very many of them. */
class WholeFamily implements StoredReading {
  readonly bucket: number;
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly #blocks: FamilyBlocks;
  readonly #nowMs: number;
  readonly #stats: ReadStats;
  readonly #merge: BlockMerge;

  constructor(
    { bucket, name }: FamilyRef,
    blocks: FamilyBlocks,
    nowMs: number,
    stats: ReadStats,
    merge: BlockMerge,
  ) {
    const { type, help, unit } = blocks.readMeta();
    this.bucket = bucket;
    this.name = name;
    this.type = type;
    this.help = help;
    this.unit = unit;
    this.#blocks = blocks;
    this.#nowMs = nowMs;
    this.#stats = stats;
    this.#merge = merge;
  }

  texts(): readonly Piece[] {
    return this.#blocks.texts(this.name, this.#nowMs, kindOf(this.type), this.#stats, this.#merge);
  }
}

/** What entries of a family of this type consist of. */
export function kindOf(type: string): FamilyKind {
  if (type === 'gaugehistogram') return 'histogram';
  return type === 'histogram' || type === 'summary' ? type : 'plain';
}

/*
 * A large family is listed, and then read newest first in pages, while others write to it. What can happen in between:
 * - A block is overwritten by a later push of the same series. It is read as it is then.
 * - A series moves to a new block, and compaction removes the listed block or takes the series out of it. The older
 *   blocks that are still to be read may hold older values of that series, so nothing more is shown from this list: it
 *   is made again, with the new block at its head, and what has not been read yet is.
 * - A group replaces its blocks by others, or is deleted. No older block of others holds its series, unless /ingest has
 *   blocks in the family: then the blocks of the group are not removed, but changed as by compaction. So it is enough to
 *   read first what is new, and to go on. (The new blocks have higher sequences than all that were listed: those of
 *   groups are never reserved beforehand.) The lone block of a group may have other entries when it is read than when it
 *   was listed: no older block holds them either.
 * As long as nothing of this happens, a family without lone blocks whose blocks have the fields that they had when no
 * entry stood in two of them has none now: the same field means the same entries, or some of them. They are compared as
 * soon as it does.
 * Whether a block has expired is decided by the time at which the list was made, so that a block that was listed as
 * living is not taken for ended while its series are pushed again elsewhere.
 */
async function* pagedTexts(
  connection: RedisConnection,
  keys: Keys,
  family: LargeFamily,
  kind: FamilyKind,
  bytes: number,
  stats: ReadStats,
  merge: BlockMerge,
  options: ReadOptions,
  onAllAsked: () => void,
): AsyncGenerator<Piece[], void> {
  const { bucket, name } = family.ref;
  const read = new Map<string, number>();
  let list = await family.listed;
  const sum = sumOfFields(list.blocks);
  const expected = bytes / TYPICAL_ENTRY_BYTES;
  if (sum !== undefined && merge.distinct.has(name, sum)) merge.beginDistinct();
  else merge.begin(expected);
  // All that was listed has been read, as it was pushed.
  let isWhole = true;
  let unread = list.blocks;
  let newest = unread[0]?.sequence ?? 0;
  let [rounds, removed] = [0, 0];
  for (;;) {
    await options.pause?.('listed');
    let state: 'settled' | 'removed' | 'changed' = 'settled';
    // How many of the list have been met, and how many of these read.
    let [taken, done] = [0, 0];
    const [hash, order] = [keys.family(bucket, name), keys.order(bucket, name)];
    const first = family.takeFirst();
    for await (const page of fetchPages(connection, hash, order, unread, options, onAllAsked, first)) {
      const pieces: Piece[] = [];
      for (const [i, value] of page.values.entries()) {
        const listed = unread[taken++];
        if (value === null && !(await isDamaged(connection, order, listed))) {
          state = 'removed';
          break;
        }
        const block = viewOf(value, kind, stats);
        const isChanged = block !== undefined && block.revision > list.revision;
        const endsMs = block === undefined ? 0 : livesUntil(block, page.deadlineOf(i));
        // What lived when it was listed and has been taken away since may live on in a newer block: it hides nothing yet.
        if (isChanged && endsMs <= list.nowMs) {
          state = 'changed';
          break;
        }
        done = taken;
        if (block?.revision !== 0) isWhole = false;
        if (block === undefined) continue;
        merge.take(block, list.nowMs, endsMs, pieces);
        if (isChanged) {
          state = 'changed';
          break;
        }
      }
      if (pieces.length > 0) yield pieces;
      if (state !== 'settled') break;
    }
    if (state === 'settled') {
      stats.series += merge.series;
      if (isWhole && !merge.repeats && sum !== undefined) merge.distinct.note(name, sum);
      return;
    }
    isWhole = false;
    merge.compare(expected);
    for (const { field, sequence } of unread.slice(0, done)) read.set(field, sequence);
    if (state === 'removed' && ++removed < MAX_REMOVED) {
      const news = await listBlocks(connection, keys, bucket, name, { above: newest });
      if (news.revision === list.revision) {
        newest = news.blocks[0]?.sequence ?? newest;
        unread = [...news.blocks, ...unread.slice(taken)];
        continue;
      }
    }
    if (++rounds === MAX_ROUNDS) {
      throw new StoreError('churn', `the family ${name} changes faster than it can be read`);
    }
    list = await listBlocks(connection, keys, bucket, name);
    newest = list.blocks[0]?.sequence ?? newest;
    unread = list.blocks.filter(({ field, sequence }) => read.get(field) !== sequence);
  }
}

/** By their digests, which depend on the secret. Undefined: the fields do not tell of all blocks what they hold. */
function sumOfFields(blocks: readonly ListedBlock[]): HashSum | undefined {
  const sum = new HashSum();
  for (const { field } of blocks) {
    if (isLone(field)) return undefined;
    sum.add(halfOfDigest(field, 8), halfOfDigest(field, 4), 1);
  }
  return sum;
}

/** Four bytes of a field, so many before its end. */
function halfOfDigest(field: string, before: number): number {
  let half = 0;
  for (let at = field.length - before; at < field.length - before + 4; at++) {
    half = (half << 8) | field.charCodeAt(at);
  }
  return half;
}

interface BlockPage {
  /** Of the blocks of the page, in their order, until it is released. */
  readonly values: ReadonlyArray<Buffer | null>;
  /** Until when the group lives that the block belongs to; undefined: the block's own deadline counts. */
  deadlineOf(block: number): number | undefined;
  release(): void;
}

/** The blocks, in their order; the next pages are on their way while one is worked on. @param first that is asked for already */
async function* fetchPages(
  connection: RedisConnection,
  hash: string,
  order: string,
  blocks: readonly ListedBlock[],
  { limits = READ_LIMITS, pause }: ReadOptions,
  onAllAsked: () => void,
  first?: Promise<BlockPage>,
): AsyncGenerator<BlockPage, void> {
  const coming = first === undefined ? [] : [first];
  let asked = first === undefined ? 0 : firstPage(blocks, limits).length;
  const ask = (): void => {
    while (coming.length < PAGES_SENT && asked < blocks.length) {
      const to = pageEnd(blocks, asked, limits.pageBlocks, limits.pageBytes);
      coming.push(fetchPage(connection, hash, order, blocks.slice(asked, to)));
      asked = to;
    }
    if (asked === blocks.length) onAllAsked();
  };
  try {
    for (ask(); coming.length > 0; ) {
      const page = await coming[0];
      coming.shift();
      ask();
      try {
        yield page;
        await pause?.('page');
      } finally {
        page.release();
      }
    }
  } finally {
    // Of those that nobody waits for any more.
    for (const page of coming) page.then(({ release }) => release()).catch(() => {});
  }
}

function fetchPage(
  connection: RedisConnection,
  hash: string,
  order: string,
  blocks: readonly ListedBlock[],
): Promise<BlockPage> {
  if (blocks.length === 0) return NOTHING;
  const answer = readPage(connection, hash, order, blocks);
  // Awaited only when the page before it is done with: until then its failure is nobody's.
  answer.catch(() => {});
  return answer;
}

async function readPage(
  connection: RedisConnection,
  hash: string,
  order: string,
  blocks: readonly ListedBlock[],
): Promise<BlockPage> {
  const groups = groupsOf(blocks);
  const fields = [...blocks.map(({ field }) => field), ...groups.map((group) => HOLDING + group)];
  const answer = new FieldValues();
  const latin1 = fields.map((field) => Buffer.from(field, 'latin1'));
  const release = (): void => answer.release();
  try {
    await connection.commandInto(answer, 'HMGET', hash, ...latin1);
  } catch (error) {
    release();
    throw error;
  }
  let { values } = answer;
  // Only if it has grown so large that its shelves are about to be cleared.
  if (values.some(isPlace)) values = await readFields(connection, hash, order, latin1);
  if (groups.length === 0) return { values, deadlineOf: () => undefined, release };
  const deadlines = deadlinesOf(groups, values.splice(blocks.length));
  return { values, deadlineOf: (block) => deadlines.get(groupOfBlock(blocks[block].field)), release };
}

function viewOf(value: Buffer | null, kind: FamilyKind, stats: ReadStats): BlockView | undefined {
  try {
    if (value !== null) {
      const block = BlockView.of(value);
      // Of a kind that the family no longer has: its entries have ended, or the type could not have changed.
      return block.kind === kind ? block : undefined;
    }
  } catch (error) {
    if (!(error instanceof BlockFormatError)) throw error;
  }
  stats.damagedBlocks++;
  return undefined;
}

// A block that has gone from the list too was removed in good order, and one with another place was written anew.
async function isDamaged(connection: RedisConnection, order: string, block: ListedBlock): Promise<boolean> {
  const sequence = await connection.command('ZSCORE', order, Buffer.from(block.field, 'latin1'));
  return sequence !== null && Number(String(sequence)) === block.sequence;
}
