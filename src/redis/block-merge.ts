import type { BlockView } from './block.ts';
import { EntrySet } from './entry-set.ts';

const NEWLINE = 0x0a;

/** Stored lines that are to be shown. */
export interface Piece {
  readonly text: Buffer;
  /** Bits: what the text has that not every format shows in the same way (see block.ts). */
  readonly features: number;
}

/**
 * Takes the blocks of a family, newest first, and gives the text of what has not been shown by a newer one: each entry
 * once. (As long as no entry repeats, any order is as good.) A block that holds nothing stale is passed on as it is. Costs 19 ns an entry in blocks of 520, at ten thousand
 * entries; 84 ns in blocks of five.
 */
export class BlockMerge {
  readonly #seen: EntrySet;
  /** An entry was there before. */
  repeats = false;
  /** Series shown: the lines of an instance of a histogram or summary are one each. */
  series = 0;

  /** @param expected number of entries to make room for */
  constructor(expected?: number) {
    this.#seen = new EntrySet(expected);
  }

  /** Begins another family. To use one set for all takes 0 to 15 % off: its memory is not new to the process each time. */
  begin(expected: number): void {
    this.#seen.clear(expected);
    this.series = 0;
    this.repeats = false;
  }

  /**
   * Adds the lines of a block that are to be shown, in as few pieces as possible.
   * @param deadlineMs that of the block, or of the group that it belongs to
   */
  take(block: BlockView, nowMs: number, deadlineMs: number, pieces: Piece[]): void {
    const seen = this.#seen;
    const { count, value } = block;
    seen.reserve(count);
    if (deadlineMs <= nowMs) {
      // Not shown, but what it holds has ended: an older block must not bring it back.
      for (let i = 0; i < count; i++) {
        if (!seen.add(block.hi(i), block.lo(i))) this.repeats = true;
      }
      return;
    }
    let at = block.textAt;
    let start = at;
    let entries = 0;
    for (let i = 0; i < count; i++) {
      const end = at + block.length(i);
      if (seen.add(block.hi(i), block.lo(i))) {
        entries++;
      } else {
        this.repeats = true;
        if (at > start) pieces.push(this.#piece(block, value.subarray(start, at)));
        start = end;
      }
      at = end;
    }
    if (at > start) pieces.push(this.#piece(block, value.subarray(start, at)));
    if (block.kind === 'plain') this.series += entries;
  }

  /** The same for a block that is alone in its family: an entry is in a block once, so nothing need be compared. */
  takeOnly(block: BlockView, nowMs: number, deadlineMs: number, pieces: Piece[]): void {
    if (deadlineMs <= nowMs) return;
    pieces.push(this.#piece(block, block.value.subarray(block.textAt, block.end)));
    if (block.kind === 'plain') this.series += block.count;
  }

  #piece(block: BlockView, text: Buffer): Piece {
    if (block.kind !== 'plain') {
      for (let i = text.indexOf(NEWLINE); i >= 0; i = text.indexOf(NEWLINE, i + 1)) this.series++;
    }
    return { text, features: block.features };
  }
}
