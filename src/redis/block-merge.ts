import type { BlockView } from './block.ts';
import { EntryTable } from './entry-table.ts';

const NEWLINE = 0x0a;

/** Stored lines that are to be shown. */
export interface Piece {
  readonly text: Buffer;
  /** Bits: what the text has that not every format shows in the same way (see block.ts). */
  readonly features: number;
}

/**
 * Takes the blocks of a family, newest first, and gives the text of what has not been shown by a newer one: each entry
 * once. A block that holds nothing stale is passed on as it is.
 */
export class BlockMerge {
  readonly #table: EntryTable;
  /** Series shown: the lines of an instance of a histogram or summary are one each. */
  series = 0;

  /** @param expected number of entries to make room for */
  constructor(expected: number) {
    this.#table = new EntryTable(expected);
  }

  /**
   * The lines of a block that are to be shown, in as few pieces as possible.
   * @param deadlineMs that of the block, or of the group that it belongs to
   */
  *take(block: BlockView, nowMs: number, deadlineMs: number): Generator<Piece, void> {
    const table = this.#table;
    const { count, value } = block;
    if (deadlineMs <= nowMs) {
      // Not shown, but what it holds has ended: an older block must not bring it back.
      for (let i = 0; i < count; i++) table.add(block.hi(i), block.lo(i), 0);
      return;
    }
    let at = block.textAt;
    let start = at;
    let entries = 0;
    for (let i = 0; i < count; i++) {
      const isNew = table.add(block.hi(i), block.lo(i), 0) < 0;
      const end = at + block.length(i);
      if (isNew) {
        entries++;
      } else {
        if (at > start) yield this.#count(block, value.subarray(start, at));
        start = end;
      }
      at = end;
    }
    if (at > start) yield this.#count(block, value.subarray(start, at));
    if (block.kind === 'plain') this.series += entries;
  }

  #count(block: BlockView, text: Buffer): Piece {
    if (block.kind !== 'plain') {
      for (let i = text.indexOf(NEWLINE); i >= 0; i = text.indexOf(NEWLINE, i + 1)) this.series++;
    }
    return { text, features: block.features };
  }
}
