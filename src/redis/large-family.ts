import type { FamilyRef } from './asked-families.ts';
import { BlockFormatError, BlockView, type FamilyKind } from './block.ts';
import { type BlockList, type ListedBlock, listBlocks, pageEnd } from './block-list.ts';
import type { BlockMerge, Piece } from './block-merge.ts';
import type { RedisConnection } from './client.ts';
import { StoreError } from './failure.ts';
import type { ReadStats } from './family-blocks.ts';
import { META } from './family-meta.ts';
import { FieldValues } from './field-values.ts';
import { HashSum } from './hash-sum.ts';
import { deadlinesOf, groupOfBlock, groupsOf, HOLDING, isLone, livesUntil } from './holdings.ts';
import type { Keys } from './keys.ts';
import { READ_LIMITS, type ReadLimits, type ReadOptions } from './read-limits.ts';
import { isPlace, readFields } from './shelves.ts';

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

/**
 * One that is read in pages: what it is asked for first, all at once. While the last page of the one before it comes, that
 * is: a scrape of many large families waits for each step of each.
 */
export class LargeFamily {
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
export async function* pagedTexts(
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
