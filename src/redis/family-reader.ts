import { AskedFamilies, type FamilyRef } from './asked-families.ts';
import type { FamilyKind } from './block.ts';
import type { BlockMerge, Piece } from './block-merge.ts';
import type { RedisConnection } from './client.ts';
import { FamilyAnswers } from './family-answers.ts';
import type { FamilyBlocks, ReadStats } from './family-blocks.ts';
import type { BucketNames } from './family-index.ts';
import { readMeta } from './family-meta.ts';
import type { Keys } from './keys.ts';
import { KnownFamilies } from './known-families.ts';
import { LargeFamily, pagedTexts } from './large-family.ts';
import { READ_LIMITS, type ReadOptions } from './read-limits.ts';

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
