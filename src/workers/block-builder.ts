import {
  BlockWriter,
  ENTRY_BYTES,
  type FamilyKind,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_ENTRIES,
} from '../redis/block.ts';
import type { BlockWrite } from '../redis/block-store.ts';
import type { Arena } from '../redis/byte-pool.ts';
import { KIB } from '../units.ts';
import { type EntryList, SCRATCH } from './exposition/entry-list.ts';
import type { ParsedEntries } from './exposition/parsed-block.ts';
import { endsBlock, type SeriesHash } from './identity.ts';
import { LatestEntries } from './latest-entries.ts';

/** The text of no block is longer, unless a single entry is. */
const LONGEST_TEXT_BYTES = 256 * KIB;

/** Of the value of a line, with the blank before it and the newline. */
const TYPICAL_VALUE_BYTES = 12;

const BLANK = 0x20;
const CLOSE = 0x7d;
const NEWLINE = 0x0a;

export interface BuiltBlock extends BlockWrite {
  /** The entries of the block, as places in the order of their families. */
  readonly from: number;
  readonly to: number;
  readonly samples: number;
}

const NO_BLOCKS: readonly BuiltBlock[] = [];

/**
 * Cuts the entries of each family into blocks. A block ends where the identity of an entry says so, or at a limit that
 * is counted from there, never where the body was cut: so the same series pushed again in the same order come in the
 * same blocks, which overwrite themselves, whatever their values are.
 * Of a push to a group, which replaces what was there in any case, what is small is one block.
 *
 * Costs 60–90 ns an entry of a million-series body, half of it the copy of the text.
 */
export class BlockBuilder {
  readonly #hash: SeriesHash;
  readonly #hashes = new Uint32Array(MAX_BLOCK_ENTRIES * 2);
  /** The entries' numbers, family after family. */
  #order = new Int32Array(0);
  readonly #latest = new LatestEntries();
  readonly #leastBytes: number;

  /** @param leastBytes about so long is a block before the identity of an entry may end it */
  constructor(hash: SeriesHash, leastBytes = 0) {
    this.#hash = hash;
    this.#leastBytes = leastBytes;
  }

  /** The first line of each entry, in the order of their families, as of the latest build. */
  linesOf({ entries: { count, line } }: ParsedEntries): Int32Array {
    const lines = new Int32Array(count);
    for (let place = 0; place < count; place++) lines[place] = line[this.#order[place]];
    return lines;
  }

  /**
   * @param arena holds what is built
   * @returns the blocks of each family, in the order of the families
   */
  build(parsed: ParsedEntries, arena: Arena): ReadonlyArray<readonly BuiltBlock[]> {
    const starts = this.#sortByFamily(parsed.entries, parsed.families.length);
    if (!parsed.areDistinct) this.#latest.reset(parsed.entries.count);
    return parsed.families.map((family, index) => {
      // Nearly always there is one: an array that grows takes room for 17.
      let blocks: BuiltBlock[] | undefined;
      let from = starts[index];
      const all = starts[index + 1];
      const end = parsed.areDistinct ? all : this.#latest.keep(parsed.entries, this.#order, from, all);
      while (from < end) {
        const to = this.#findEnd(parsed, family.kind, from, end);
        const block = this.#write(parsed, arena, family.kind, from, to);
        if (blocks === undefined) blocks = [block];
        else blocks.push(block);
        from = to;
      }
      return blocks ?? NO_BLOCKS;
    });
  }

  // A counting sort that keeps the order within a family; most bodies have their families one after the other anyway.
  #sortByFamily(entries: EntryList, families: number): Int32Array {
    const { count, family } = entries;
    const starts = new Int32Array(families + 1);
    for (let i = 0; i < count; i++) starts[family[i] + 1]++;
    for (let f = 0; f < families; f++) starts[f + 1] += starts[f];
    if (this.#order.length < count) this.#order = new Int32Array(count * 2);
    const next = starts.slice();
    for (let i = 0; i < count; i++) this.#order[next[family[i]]++] = i;
    return starts;
  }

  #findEnd(parsed: ParsedEntries, kind: FamilyKind, from: number, end: number): number {
    const { start, end: ends, hashLo } = parsed.entries;
    const order = this.#order;
    const typical = typicalBytes(parsed, order[from]);
    const most = Math.min(end, from + entriesIn(MAX_BLOCK_BYTES, typical + ENTRY_BYTES));
    const least = from + entriesIn(this.#leastBytes, typical);
    let bytes = 0;
    for (let place = from; place < most; place++) {
      const i = order[place];
      bytes += ends[i] - start[i];
      if (place > from && bytes > LONGEST_TEXT_BYTES) return place;
      if (place + 1 >= least && endsBlock(hashLo[i], kind)) return place + 1;
    }
    return most;
  }

  #write(parsed: ParsedEntries, arena: Arena, kind: FamilyKind, from: number, to: number): BuiltBlock {
    const { start, end, hashHi, hashLo, samples: sampleCounts, features: entryFeatures } = parsed.entries;
    const order = this.#order;
    const hashes = this.#hashes;
    let [textBytes, longest, samples, features] = [0, 0, 0, 0];
    for (let place = from; place < to; place++) {
      const i = order[place];
      const length = end[i] - start[i];
      textBytes += length;
      if (length > longest) longest = length;
      samples += sampleCounts[i];
      features |= entryFeatures[i];
      hashes[(place - from) * 2] = hashLo[i];
      hashes[(place - from) * 2 + 1] = hashHi[i];
    }
    const writer = new BlockWriter(kind, to - from, textBytes, longest > 0xffff, features, arena.allocate);
    let at = writer.textAt;
    // Entries that follow each other in the body are copied in one piece.
    let runStart = start[order[from]];
    let runEnd = runStart;
    for (let place = from; place < to; place++) {
      const i = order[place];
      writer.add(hashHi[i], hashLo[i], end[i] - start[i]);
      if (start[i] !== runEnd) {
        at = copy(parsed, runStart, runEnd, writer.value, at);
        runStart = start[i];
      }
      runEnd = end[i];
    }
    copy(parsed, runStart, runEnd, writer.value, at);
    const { value } = writer;
    return { digest: this.#hash.digest128(hashes, to - from), value, from, to, samples };
  }
}

function copy(parsed: ParsedEntries, start: number, end: number, target: Buffer, at: number): number {
  const inScratch = start >= SCRATCH;
  const source = inScratch ? parsed.scratch : parsed.text;
  const offset = inScratch ? SCRATCH : 0;
  return at + source.copy(target, at, start - offset, end - offset);
}

// Of an entry like this one. Without the values and timestamps, because a block must end at the same entry when those are
// longer.
function typicalBytes(parsed: ParsedEntries, entry: number): number {
  const { start, end } = parsed.entries;
  const inScratch = start[entry] >= SCRATCH;
  const bytes = inScratch ? parsed.scratch : parsed.text;
  const stop = end[entry] - (inScratch ? SCRATCH : 0);
  let size = TYPICAL_VALUE_BYTES;
  for (let line = start[entry] - (inScratch ? SCRATCH : 0); line < stop; ) {
    const newline = bytes.indexOf(NEWLINE, line);
    const close = bytes.lastIndexOf(CLOSE, newline);
    size += (close >= line ? close : bytes.indexOf(BLANK, line)) - line;
    line = newline + 1;
  }
  return size;
}

/** How many entries of this size make a block of so many bytes. */
function entriesIn(bytes: number, typical: number): number {
  return Math.max(1, Math.min(MAX_BLOCK_ENTRIES, Math.floor(bytes / typical)));
}
