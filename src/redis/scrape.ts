import { BlockMerge } from './block-merge.ts';
import type { BytePool } from './byte-pool.ts';
import type { RedisConnection } from './client.ts';
import type { DistinctFamilies } from './distinct-families.ts';
import { chunkPool, Exposition, type SeriesSelection } from './exposition.ts';
import { type ExpositionWriter, StoredWriter } from './exposition-writer.ts';
import type { ReadStats } from './family-blocks.ts';
import { allFamilyNames, type BucketNames } from './family-index.ts';
import { type FamilyReading, readFamilies, type StoredReading } from './family-reader.ts';
import { groupMetrics } from './group-metrics.ts';
import { LiveGroups } from './groups.ts';
import { BUCKETS, bucketOf, type Keys } from './keys.ts';
import { OwnFamilies, type OwnFamily } from './own-families.ts';
import type { ReadOptions } from './read-limits.ts';
import { renameFamilies } from './renamed-families.ts';

export interface ScrapeSummary {
  readonly families: number;
  /** Series that were read: of a part, more than were shown. */
  readonly series: number;
  readonly bytes: number;
  readonly damagedBlocks: number;
}

export interface ScrapeOptions extends ReadOptions {
  readonly signal?: AbortSignal;
  /** Chunks come from here, to be given back. Default: they are left to the collector. */
  readonly memory?: BytePool;
  /** What scrapes before this one have found out, and this one does. Default: nothing, for nobody. */
  readonly distinct?: DistinctFamilies;
  /** How it looks. Default: as stored. */
  readonly writer?: ExpositionWriter;
  /** Default: everything. */
  readonly selection?: SeriesSelection | undefined;
  /** Show what is known of the groups themselves, with or without until when they live. Default: do not. */
  readonly groups?: { readonly expiry: boolean } | undefined;
  /** The gateway's own, which give way to what was pushed. */
  readonly own?: readonly OwnFamily[] | undefined;
}

/**
 * The exposition of what lives, in chunks: bucket after bucket, family after family, with bounded memory. Throws
 * StoreError when Redis fails: what was given so far is then not a whole exposition.
 */
export async function* scrape(
  connection: RedisConnection,
  keys: Keys,
  options: ScrapeOptions = {},
): AsyncGenerator<Buffer, ScrapeSummary> {
  const { signal, selection } = options;
  const writer: ExpositionWriter = options.writer ?? new StoredWriter();
  const own = options.own && new OwnFamilies(options.own, writer);
  const stats: ReadStats = { series: 0, damagedBlocks: 0 };
  const merge = new BlockMerge(undefined, options.distinct);
  const exposition = new Exposition(writer, options.memory ?? chunkPool(), selection, own);

  // Names of the families of the buckets that are being read.
  const entered = new Map<number, readonly string[]>();
  const renamed: string[] = [];
  async function* shownNames(): AsyncGenerator<BucketNames, void> {
    for await (const { bucket, names, told } of allFamilyNames(connection, keys)) {
      const kept = names.filter((name) => writer.otherNames?.(name) === undefined);
      if (kept.length < names.length)
        renamed.push(...names.filter((name) => writer.otherNames?.(name) !== undefined));
      signal?.throwIfAborted();
      entered.set(bucket, kept);
      const asked = kept.filter(mayHold);
      yield { bucket, names: asked, told: asked.length === names.length ? told : undefined };
    }
  }
  const mayHold = (name: string): boolean => selection === undefined || selection.mayHold(name);
  // Asked for while the last families are being shown: to wait for them took up to 2 ms, of 25 for 100,000 series.
  let groups: Promise<LiveGroups> | undefined;
  const askForGroups = (): Promise<LiveGroups> => {
    if (groups === undefined) {
      groups = LiveGroups.open(connection, keys);
      // Awaited only when their turn comes, if at all: until then their failure is nobody's.
      groups.catch(() => {});
    }
    return groups;
  };
  const reading = options.groups === undefined ? options : { ...options, onAllAsked: askForGroups };

  try {
    let current = -1;
    for await (const readings of readFamilies(connection, keys, shownNames(), stats, merge, reading)) {
      for (const families of byBucket(readings)) {
        const { bucket } = families[0];
        if (bucket !== current) {
          exposition.enter(entered.get(bucket) ?? []);
          entered.delete(bucket);
          current = bucket;
        }
        yield* show(exposition, families, signal);
      }
    }
    signal?.throwIfAborted();
    if (renamed.length > 0) {
      const shown = await renameFamilies(connection, keys, renamed, writer);
      exposition.enter([...shown.values()]);
      const names = namesByBucket([...shown.keys()].filter(mayHold));
      for await (const readings of readFamilies(connection, keys, names, stats, merge, options)) {
        yield* show(exposition, readings, signal);
      }
    }
    exposition.enter([]);
    if (options.groups) {
      for (const family of groupMetrics(await askForGroups(), stats, options.groups)) {
        yield* show(exposition, [family], signal);
      }
    }
    if (own) yield* show(exposition, own.left, signal);
    exposition.finish();
    yield* exposition.take();
    return { families: exposition.families, bytes: exposition.position, ...stats };
  } finally {
    exposition.close();
  }
}

function* byBucket(readings: readonly StoredReading[]): Generator<StoredReading[], void> {
  for (let from = 0, to = 0; from < readings.length; from = to) {
    while (to < readings.length && readings[to].bucket === readings[from].bucket) to++;
    yield readings.slice(from, to);
  }
}

async function* namesByBucket(all: readonly string[]): AsyncGenerator<BucketNames, void> {
  const byBucket = Array.from({ length: BUCKETS }, (): string[] => []);
  for (const name of all) byBucket[bucketOf(name)].push(name);
  for (const [bucket, names] of byBucket.entries()) yield { bucket, names };
}

async function* show(
  exposition: Exposition,
  families: readonly FamilyReading[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  for (const family of families) {
    const showing = exposition.open(family);
    if (showing === undefined) continue;
    const texts = family.texts();
    // A turn of the event loop for each of very many small families, or blocks, would take longer than they do.
    if (Symbol.iterator in texts) {
      for (const piece of texts) showing.piece(piece);
    } else {
      for await (const page of texts) {
        for (const piece of page) showing.piece(piece);
        if (exposition.isFull) yield* exposition.take();
        signal?.throwIfAborted();
      }
    }
    showing.end();
    if (exposition.isFull) yield* exposition.take();
  }
  signal?.throwIfAborted();
}
