import { randomUUID } from 'node:crypto';
import { KIB, MIB } from '../units.ts';
import { BlockView, BlockWriter, MAX_BLOCK_ENTRIES, STAMP_BYTES, setRevision } from './block.ts';
import { type BlockList, type ListedBlock, listBlocks, pageEnd } from './block-list.ts';
import type { RedisConnection } from './client.ts';
import { EntryTable } from './entry-table.ts';
import { META, ORDERED, readMeta } from './family-meta.ts';
import {
  deadlinesOf,
  groupOfBlock,
  groupsOf,
  HOLDING,
  isBlock,
  livesUntil,
  readDeadlines,
} from './holdings.ts';
import { bucketOf, type Keys } from './keys.ts';
import { isPlace, readFields } from './shelves.ts';

/** Bounds of what passes through one command, which then takes Redis about a millisecond, and of what is held here. */
export interface CompactionLimits {
  readonly readBytes: number;
  readonly readBlocks: number;
  readonly changeBytes: number;
  readonly changeBlocks: number;
  /** Of a family that is larger, the blocks that are to be rewritten are read once more when their turn comes. */
  readonly keptBytes: number;
}

const LIMITS: CompactionLimits = {
  readBytes: MIB,
  readBlocks: 500,
  changeBytes: 512 * KIB,
  changeBlocks: 500,
  keptBytes: 4 * MIB,
};

export interface CompactionSummary {
  readonly removed: number;
  readonly rewritten: number;
  /** Another compaction of the family is under way: it was left to that one, or that one has stopped ours. */
  readonly isBusy: boolean;
}

/** A block of which less is left may be rewritten. See commands/shared/growth.lua. */
const LEAST_SHARE = 0.6;
/** Blocks need not be rewritten when all that is left has no more than so many times the bytes that live. */
const SLACK = 1.15;

export interface CompactionOptions {
  /** Leave the family if it was cleaned up less than this many ms ago, by whichever gateway. */
  readonly unlessWithinMs?: number;
  /** Leave the family if it does not want compaction, as a commit judges that. */
  readonly onlyIfWanted?: boolean;
  /** Leave the family to a compaction that began less than this many ms ago, by whichever gateway. Default: stop that. */
  readonly yieldMs?: number;
  /** For tests, as is the next. */
  readonly limits?: CompactionLimits;
  /** Called between any two steps. */
  pause?(step: 'listed' | 'read' | 'change' | 'end'): Promise<void>;
}

interface Change {
  readonly number: number;
  readonly block: ListedBlock;
  /** The entries to keep, in their order; none: remove the block. */
  readonly keep: readonly number[];
  /** Keep only what hides older values, without text. */
  readonly isShadow: boolean;
  /** Of its value as it was looked at. */
  readonly bytes: number;
  /** Undefined: it is read once more. */
  readonly value: Buffer | undefined;
  /** Of its bytes, those that are lost with the entries that are not kept. */
  readonly savedBytes: number;
}

/** A block that has expired, while older ones are gone through. */
interface Expired {
  readonly block: ListedBlock;
  readonly header: BlockView;
  /** Entries whose newest value is in this block. */
  readonly own: readonly number[];
  /** Those of them that an older block still carries. */
  readonly hides: Set<number>;
}

interface Examined {
  /** Newest first. */
  readonly changes: Change[];
  readonly liveBytes: number;
  readonly latestDeadlineMs: number;
  readonly owners: string;
}

/**
 * Removes from a family what no scrape shows: blocks of which every series has moved to a newer one, blocks that have
 * expired and hide nothing older, and the dead part of blocks that have much of it.
 *
 * It waits for nobody: pushes and scrapes go on meanwhile, each change is made only to a block that has not been written
 * since it was looked at, and of two compactions the one that began later goes on, unless it yields. Stopped midway it
 * leaves a family that reads the same. Throws StoreError.
 */
export async function compactFamily(
  connection: RedisConnection,
  keys: Keys,
  family: string,
  options: CompactionOptions = {},
): Promise<CompactionSummary> {
  const bucket = bucketOf(family);
  const hash = keys.family(bucket, family);
  const order = keys.order(bucket, family);
  const { unlessWithinMs = 0, onlyIfWanted = false, yieldMs = 0 } = options;
  const begun = await connection.run({
    script: 'beginCompaction',
    keys: [hash],
    args: [randomUUID(), unlessWithinMs, onlyIfWanted ? 1 : 0, yieldMs],
  });
  if (!Array.isArray(begun)) return { removed: 0, rewritten: 0, isBusy: begun !== null };
  const [commits, token, time, form] = begun;

  const { list, pages } =
    form === ORDERED
      ? await listed(connection, keys, family, options.limits)
      : await readAtOnce(connection, hash, order, Number(String(time)));
  await options.pause?.('listed');
  const { changes, liveBytes, latestDeadlineMs, owners } = await examine(list, pages, options);

  let [removed, rewritten, revision] = [0, 0, list.revision];
  // Oldest first: an expired block may go only when nothing that it hides is left.
  for (const batch of intoBatches(changes.reverse(), options.limits ?? LIMITS)) {
    await options.pause?.('change');
    const args = await changeArguments(connection, hash, order, batch, ++revision);
    const done = await connection.run({
      script: 'compact',
      keys: [hash, order],
      args: [token as Buffer, ...args],
    });
    if (done === -1) return { removed, rewritten, isBusy: true };
    removed += batch.filter(({ keep }) => keep.length === 0).length;
    rewritten += batch.filter(({ keep }) => keep.length > 0).length;
  }
  await options.pause?.('end');
  await connection.run({
    script: 'endCompaction',
    keys: [hash, order, keys.index(bucket)],
    args: [token as Buffer, String(commits), Math.round(liveBytes), latestDeadlineMs, family, owners],
  });
  return { removed, rewritten, isBusy: false };
}

/** Blocks of a family, newest first. */
interface BlockPage {
  readonly blocks: readonly ListedBlock[];
  readonly values: ReadonlyArray<Buffer | null>;
  /** Until when groups live there, by group. */
  readonly deadlines: ReadonlyMap<string, number>;
}

interface BlockPages {
  readonly list: BlockList;
  readonly pages: AsyncIterable<BlockPage> | Iterable<BlockPage>;
}

/** A large family is listed, and its blocks are read in pages. */
async function listed(
  connection: RedisConnection,
  keys: Keys,
  family: string,
  { readBlocks, readBytes } = LIMITS,
): Promise<BlockPages> {
  const bucket = bucketOf(family);
  const list = await listBlocks(connection, keys, bucket, family, { sizes: true });
  const [hash, order] = [keys.family(bucket, family), keys.order(bucket, family)];
  async function* pages(): AsyncGenerator<BlockPage, void> {
    for (let from = 0; from < list.blocks.length; ) {
      const to = pageEnd(list.blocks, from, readBlocks, readBytes);
      const blocks = list.blocks.slice(from, to);
      // Whole values, although only their headers are needed here: a script that cut those off took Redis ten times as
      // long, since Lua hashes each byte of a string that it is given.
      const values = await readValues(connection, hash, order, blocks);
      yield { blocks, values, deadlines: await readDeadlines(connection, hash, groupsOf(blocks)) };
      from = to;
    }
  }
  return { list, pages: pages() };
}

/** Any other has no order, and is read in one reply. @param nowMs when its compaction began */
async function readAtOnce(
  connection: RedisConnection,
  hash: string,
  order: string,
  nowMs: number,
): Promise<BlockPages> {
  let fields = (await connection.command('HGETALL', hash)) as Buffer[];
  if (fields.some(isPlace)) fields = (await readFields(connection, hash, order)) as Buffer[];
  const found: Array<{ block: ListedBlock; value: Buffer }> = [];
  const groups: string[] = [];
  const holdings: Buffer[] = [];
  let revision = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i].toString('latin1');
    const value = fields[i + 1];
    if (field === META) revision = readMeta(value).revision;
    // An empty one was evicted with its shelf.
    if (isBlock(field) && value.length > 0) {
      found.push({ block: { field, sequence: value.readDoubleLE(0), bytes: value.length }, value });
    } else if (field.startsWith(HOLDING)) {
      groups.push(field.slice(1));
      holdings.push(value);
    }
  }
  found.sort((a, b) => b.block.sequence - a.block.sequence);
  const blocks = found.map(({ block }) => block);
  const values = found.map(({ value }) => value);
  const deadlines = deadlinesOf(groups, holdings);
  return { list: { nowMs, revision, blocks }, pages: [{ blocks, values, deadlines }] };
}

async function examine(
  list: BlockList,
  pages: BlockPages['pages'],
  { limits = LIMITS, pause }: CompactionOptions,
): Promise<Examined> {
  const { blocks } = list;
  const allBytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  const keepsValues = allBytes <= limits.keptBytes;
  const table = new EntryTable(blocks.length * 16);
  // Only expired blocks and those that are to change are remembered, and of each entry the number of its newest block.
  const expired = new Map<number, Expired>();
  const changes: Change[] = [];
  const optional: Change[] = [];
  let newest = new Int32Array(MAX_BLOCK_ENTRIES);
  let [liveBytes, leftBytes, latestDeadlineMs] = [0, 0, 0];

  let first = 0;
  for await (const { blocks: page, values, deadlines } of pages) {
    await pause?.('read');
    for (const [i, value] of values.entries()) {
      if (value === null) continue;
      const header = BlockView.of(value);
      const block = page[i];
      // Written since the list was made: newer than all of it. To leave it out of account errs on the safe side.
      if (header.sequence !== block.sequence) continue;
      const number = first + i;
      const deadlineMs = livesUntil(header, deadlines.get(groupOfBlock(block.field)));
      const { count } = header;
      if (newest.length < count) newest = new Int32Array(count);
      let own = 0;
      for (let entry = 0; entry < count; entry++) {
        newest[entry] = table.add(header.hi(entry), header.lo(entry), number);
        if (newest[entry] < 0) own++;
      }
      if (deadlineMs <= list.nowMs) {
        expired.set(number, { block, header, own: ownOf(newest, count), hides: new Set() });
        continue;
      }
      if (own > 0) latestDeadlineMs = Math.max(latestDeadlineMs, deadlineMs);
      const bytes = value.length;
      const ownBytes = count === 0 ? 0 : bytes * (own / count);
      liveBytes += ownBytes;
      if (own === 0 || own < LEAST_SHARE * count) {
        const change = {
          ...{ number, block, bytes, isShadow: false, savedBytes: bytes - ownBytes },
          keep: own === 0 ? [] : ownOf(newest, count),
          value: own > 0 && keepsValues ? value : undefined,
        };
        // One that is hidden, as to some of its entries, by what has expired decides on how much of that must stay.
        if (own > 0 && expired.size === 0) optional.push(change);
        else changes.push(change);
        leftBytes += own > 0 && expired.size === 0 ? bytes : ownBytes;
        continue;
      }
      leftBytes += bytes;
      if (expired.size === 0) continue;
      // This block stays as it is, stale entries and all: what hides them must stay too.
      for (let entry = 0; entry < count; entry++) {
        if (newest[entry] >= 0) expired.get(newest[entry])?.hides.add(identityKey(header, entry));
      }
    }
    first += page.length;
  }

  for (const [number, { block, header, own, hides }] of expired) {
    const keep = own.filter((entry) => hides.has(identityKey(header, entry)));
    if (keep.length > 0) latestDeadlineMs = Math.max(latestDeadlineMs, header.deadlineMs);
    // A shadow lives, too, as long as it is needed: a family that has many must not ask for ever.
    const shadowBytes = keep.length === 0 ? 0 : header.textAt * (keep.length / header.count);
    liveBytes += shadowBytes;
    leftBytes += shadowBytes;
    const isShadowAlready = block.bytes === header.textAt && keep.length === header.count;
    if (isShadowAlready) continue;
    const value = keep.length > 0 && keepsValues ? header.value : undefined;
    const bytes = header.value.length;
    changes.push({ number, block, bytes, keep, isShadow: true, value, savedBytes: 0 });
  }
  // The largest first: many blocks are small by now, and together not worth the work.
  optional.sort((a, b) => b.savedBytes - a.savedBytes);
  for (const change of optional) {
    if (leftBytes <= SLACK * liveBytes) break;
    leftBytes -= change.savedBytes;
    changes.push(change);
  }
  changes.sort((a, b) => a.number - b.number);
  const removed = new Set(changes.filter(({ keep }) => keep.length === 0).map(({ number }) => number));
  const left = blocks.filter((_, number) => !removed.has(number));
  const owners = [...new Set(left.map(({ field }) => field.charAt(0)))].join('');
  return { changes, liveBytes, latestDeadlineMs, owners };
}

/** The entries that no newer block has. */
function ownOf(newest: Int32Array, count: number): number[] {
  const own: number[] = [];
  for (let entry = 0; entry < count; entry++) if (newest[entry] < 0) own.push(entry);
  return own;
}

// Two entries of one block with the same key would both be kept as shadows: harmless.
function identityKey(header: BlockView, entry: number): number {
  return header.hi(entry) * 2 ** 21 + (header.lo(entry) >>> 11);
}

function* intoBatches(changes: readonly Change[], limits: CompactionLimits): Generator<Change[], void> {
  const sizes = changes.map(({ block }) => block);
  for (let from = 0; from < changes.length; ) {
    const to = pageEnd(sizes, from, limits.changeBlocks, limits.changeBytes);
    yield changes.slice(from, to);
    from = to;
  }
}

async function readValues(
  connection: RedisConnection,
  hash: string,
  order: string,
  blocks: readonly ListedBlock[],
): Promise<Array<Buffer | null>> {
  if (blocks.length === 0) return [];
  const fields = blocks.map(({ field }) => Buffer.from(field, 'latin1'));
  const values = (await connection.command('HMGET', hash, ...fields)) as Array<Buffer | null>;
  return values.some(isPlace) ? readFields(connection, hash, order, fields) : values;
}

/** @param revision that the family will have then */
async function changeArguments(
  connection: RedisConnection,
  hash: string,
  order: string,
  changes: readonly Change[],
  revision: number,
): Promise<Array<string | Buffer>> {
  const unread = changes.filter(({ keep, value }) => keep.length > 0 && value === undefined);
  const read = await readValues(
    connection,
    hash,
    order,
    unread.map(({ block }) => block),
  );
  const values = new Map(unread.map((change, i) => [change, read[i]]));
  const args: Array<string | Buffer> = [];
  for (const change of changes) {
    const { block, bytes, keep, isShadow } = change;
    const field = Buffer.from(block.field, 'latin1');
    if (keep.length === 0) {
      args.push(field, String(block.sequence), '', '');
      continue;
    }
    const value = change.value ?? values.get(change);
    if (!value) continue;
    const view = BlockView.of(value);
    // Its entries are not those that were looked at, or it has become a shadow.
    if (view.sequence !== block.sequence || value.length !== bytes) continue;
    args.push(field, String(block.sequence), String(bytes), rewrite(view, keep, isShadow, revision));
  }
  return args;
}

function rewrite(block: BlockView, keep: readonly number[], isShadow: boolean, revision: number): Buffer {
  const ranges: Array<[start: number, end: number]> = [];
  let [wide, textBytes] = [false, 0];
  for (let entry = 0, at = block.textAt, kept = 0; kept < keep.length; entry++) {
    const length = isShadow ? 0 : block.length(entry);
    if (entry === keep[kept]) {
      ranges.push([at, at + length]);
      textBytes += length;
      wide ||= length > 0xffff;
      kept++;
    }
    at += length;
  }
  const writer = new BlockWriter(block.kind, keep.length, textBytes, wide, block.features);
  let to = writer.textAt;
  for (const [i, [start, end]] of ranges.entries()) {
    writer.add(block.hi(keep[i]), block.lo(keep[i]), end - start);
    to += block.value.copy(writer.value, to, start, end);
  }
  block.value.copy(writer.value, 0, 0, STAMP_BYTES);
  setRevision(writer.value, revision);
  return writer.value;
}
