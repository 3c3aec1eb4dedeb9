import { randomUUID } from 'node:crypto';
import { KIB, MIB } from '../units.ts';
import { BlockView, PayloadWriter, STAMP_BYTES } from './block.ts';
import { type BlockList, type ListedBlock, listBlocks, pageEnd } from './block-list.ts';
import type { RedisConnection } from './client.ts';
import type { Reply } from './commands.ts';
import { EntryTable } from './entry-table.ts';
import { groupOfBlock, groupsOf, livesUntil, readDeadlines } from './holdings.ts';
import { bucketOf, type Keys } from './keys.ts';

/** Bounds of what passes through one script, which then takes Redis about a millisecond. */
export interface CompactionLimits {
  readonly headerBytes: number;
  readonly headerBlocks: number;
  readonly changeBytes: number;
  readonly changeBlocks: number;
}

const LIMITS: CompactionLimits = {
  headerBytes: 2 * MIB,
  headerBlocks: 500,
  changeBytes: 512 * KIB,
  changeBlocks: 500,
};

export interface CompactionSummary {
  readonly removed: number;
  readonly rewritten: number;
}

const NOTHING_DONE: CompactionSummary = { removed: 0, rewritten: 0 };

export interface CompactionOptions {
  /** Leave the family if it was cleaned up less than this many ms ago, by whichever gateway. */
  readonly unlessWithinMs?: number;
  /** For tests, as is the next. */
  readonly limits?: CompactionLimits;
  /** Called between any two steps. */
  pause?(step: 'listed' | 'headers' | 'change' | 'end'): Promise<void>;
}

interface Change {
  readonly field: Buffer;
  readonly sequence: number;
  readonly bytes: number;
  /** The entries to keep; undefined: remove the block. */
  readonly keep: readonly number[] | undefined;
  /** Keep only what hides older values, without text. */
  readonly shadow: boolean;
}

/** A block as its header tells, newest first, while the family is gone through. */
interface Seen {
  readonly block: ListedBlock;
  readonly header: BlockView;
  readonly expired: boolean;
  /** Entries whose newest value is in this block. */
  own: number[];
  /** For an expired block: the entries of its own that an older block still carries. */
  hides: Set<number>;
}

/**
 * Removes from a family what no scrape shows: blocks of which every series has moved to a newer one, blocks that have
 * expired and hide nothing older, and the stale half of blocks that are less than half alive.
 *
 * Nobody waits for it and it waits for nobody: pushes and scrapes go on meanwhile, each change is made only to a block
 * that has not been written since it was looked at, and of two compactions the one that began later goes on. Stopped
 * midway it leaves a family that reads the same. Reads only headers, so it costs a fraction of a scrape.
 * Throws StoreError.
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
  const token = randomUUID();
  const commits = await connection.run({
    script: 'beginCompaction',
    keys: [hash],
    args: [token, options.unlessWithinMs ?? 0],
  });
  if (commits === null) return NOTHING_DONE;

  const list = await listBlocks(connection, keys, bucket, family);
  await options.pause?.('listed');
  const { changes, liveBytes, latestDeadlineMs, owners } = await examine(connection, hash, list, options);

  let [removed, rewritten] = [0, 0];
  // Oldest first: an expired block may go only when nothing that it hides is left.
  for (const batch of intoBatches(changes.reverse(), options.limits ?? LIMITS)) {
    await options.pause?.('change');
    const args = await changeArguments(connection, hash, batch);
    const done = await connection.run({ script: 'compact', keys: [hash, order], args: [token, ...args] });
    if (done === -1) return { removed, rewritten };
    removed += batch.filter((change) => change.keep === undefined).length;
    rewritten += batch.filter((change) => change.keep !== undefined).length;
  }
  await options.pause?.('end');
  await connection.run({
    script: 'endCompaction',
    keys: [hash, order, keys.index(bucket)],
    args: [token, String(commits), Math.round(liveBytes), latestDeadlineMs, family, owners],
  });
  return { removed, rewritten };
}

async function examine(
  connection: RedisConnection,
  hash: string,
  list: BlockList,
  { limits = LIMITS, pause }: CompactionOptions,
): Promise<{ changes: Change[]; liveBytes: number; latestDeadlineMs: number; owners: string }> {
  const table = new EntryTable(list.blocks.length * 16);
  // Only expired blocks and those that are to change are remembered, and of each entry the number of its newest block.
  const expired = new Map<number, Seen>();
  const stale: Array<{ number: number; seen: Seen }> = [];
  let liveBytes = 0;
  let latestDeadlineMs = 0;

  let from = 0;
  while (from < list.blocks.length) {
    const to = pageEnd(list.blocks, from, limits.headerBlocks, limits.headerBytes);
    const page = list.blocks.slice(from, to);
    const headers = (await connection.run({
      script: 'readHeaders',
      keys: [hash],
      args: page.map((block) => Buffer.from(block.field, 'latin1')),
    })) as Array<Buffer | null>;
    const deadlines = await readDeadlines(connection, hash, groupsOf(page));
    await pause?.('headers');
    const first = from;
    from = to;
    for (const [i, value] of headers.entries()) {
      if (value === null) continue;
      const header = new BlockView(value);
      // Written since the list was made: newer than all of it. To leave it out of account errs on the safe side.
      if (header.sequence !== page[i].sequence) continue;
      const number = first + i;
      const deadlineMs = livesUntil(header, deadlines.get(groupOfBlock(page[i].field)));
      const seen: Seen = {
        block: page[i],
        header,
        expired: deadlineMs <= list.nowMs,
        own: [],
        hides: new Set(),
      };
      const hiddenBy: Array<[block: number, entry: number]> = [];
      for (let entry = 0; entry < header.count; entry++) {
        const newest = table.add(header.hi(entry), header.lo(entry), number);
        if (newest < 0) seen.own.push(entry);
        else hiddenBy.push([newest, entry]);
      }
      if (seen.expired) {
        expired.set(number, seen);
        continue;
      }
      const share = header.count === 0 ? 0 : seen.own.length / header.count;
      liveBytes += seen.block.bytes * share;
      if (seen.own.length === 0 || share < 0.5) {
        stale.push({ number, seen });
        if (seen.own.length > 0) latestDeadlineMs = Math.max(latestDeadlineMs, deadlineMs);
        continue;
      }
      latestDeadlineMs = Math.max(latestDeadlineMs, deadlineMs);
      // This block stays as it is, stale entries and all: what hides them must stay too.
      for (const [newest, entry] of hiddenBy) {
        expired.get(newest)?.hides.add(identityKey(header, entry));
      }
    }
  }

  const changes: Array<Change & { number: number }> = [];
  for (const { number, seen } of stale) {
    changes.push({ number, ...change(seen, seen.own.length === 0 ? undefined : seen.own, false) });
  }
  for (const [number, seen] of expired) {
    const keep = seen.own.filter((entry) => seen.hides.has(identityKey(seen.header, entry)));
    if (keep.length > 0) latestDeadlineMs = Math.max(latestDeadlineMs, seen.header.deadlineMs);
    const isShadowAlready = seen.block.bytes === seen.header.textAt && keep.length === seen.header.count;
    if (!isShadowAlready)
      changes.push({ number, ...change(seen, keep.length === 0 ? undefined : keep, true) });
  }
  changes.sort((a, b) => a.number - b.number);
  const removed = new Set(changes.filter(({ keep }) => keep === undefined).map(({ number }) => number));
  const left = list.blocks.filter((_, number) => !removed.has(number));
  const owners = [...new Set(left.map(({ field }) => field.charAt(0)))].join('');
  return { changes, liveBytes, latestDeadlineMs, owners };
}

// Two entries of one block with the same key would both be kept as shadows: harmless.
function identityKey(header: BlockView, entry: number): number {
  return header.hi(entry) * 2 ** 21 + (header.lo(entry) >>> 11);
}

function change(seen: Seen, keep: readonly number[] | undefined, shadow: boolean): Change {
  return {
    field: Buffer.from(seen.block.field, 'latin1'),
    sequence: seen.block.sequence,
    bytes: seen.block.bytes,
    keep,
    shadow,
  };
}

function* intoBatches(changes: readonly Change[], limits: CompactionLimits): Generator<Change[], void> {
  let from = 0;
  while (from < changes.length) {
    const to = pageEnd(changes, from, limits.changeBlocks, limits.changeBytes);
    yield changes.slice(from, to);
    from = to;
  }
}

async function changeArguments(
  connection: RedisConnection,
  hash: string,
  changes: readonly Change[],
): Promise<Array<string | Buffer>> {
  const kept = changes.filter((change) => change.keep !== undefined);
  const values =
    kept.length === 0
      ? []
      : ((await connection.command('HMGET', hash, ...kept.map((change) => change.field))) as Reply[]);
  const args: Array<string | Buffer> = [];
  for (const change of changes) {
    if (change.keep === undefined) {
      args.push(change.field, String(change.sequence), '');
      continue;
    }
    const value = values[kept.indexOf(change)];
    if (!Buffer.isBuffer(value)) continue;
    const view = new BlockView(value);
    // The script will find that it has another sequence now; its entries are not those that were looked at.
    if (view.sequence !== change.sequence) continue;
    args.push(change.field, String(change.sequence), rewrite(view, change.keep, change.shadow));
  }
  return args;
}

function rewrite(block: BlockView, keep: readonly number[], shadow: boolean): Buffer {
  const kept = new Set(keep);
  const ranges: Array<[start: number, end: number]> = [];
  let wide = false;
  let textBytes = 0;
  for (let entry = 0, at = block.textAt; entry < block.count; entry++) {
    const length = shadow ? 0 : block.length(entry);
    if (kept.has(entry)) {
      ranges.push([at, at + length]);
      textBytes += length;
      wide ||= length > 0xffff;
    }
    at += length;
  }
  const writer = new PayloadWriter(block.kind, keep.length, textBytes, wide, block.features);
  let to = writer.textAt;
  for (const [i, [start, end]] of ranges.entries()) {
    writer.add(block.hi(keep[i]), block.lo(keep[i]), end - start);
    to += block.value.copy(writer.payload, to, start, end);
  }
  block.value.copy(writer.value, 0, 0, STAMP_BYTES);
  return writer.value;
}
