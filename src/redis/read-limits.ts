import { KIB, MIB, SECOND } from '../units.ts';
import type { Holdings } from './asked-families.ts';

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
