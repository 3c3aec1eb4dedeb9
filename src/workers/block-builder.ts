import { type FamilyKind, MAX_BLOCK_BYTES, MAX_BLOCK_ENTRIES, PayloadWriter } from '../redis/block.ts';
import type { BlockWrite } from '../redis/block-store.ts';
import { KIB } from '../units.ts';
import { type EntryList, SCRATCH } from './exposition/entry-list.ts';
import type { ParsedBlock } from './exposition/text-parser.ts';
import { endsBlock, type SeriesHash } from './identity.ts';

/** The text of no block is longer, unless a single entry is. */
const LONGEST_TEXT_BYTES = 256 * KIB;
/** Marks the blocks of `/ingest` among those of other owners. */
const INGEST_OWNER = Buffer.from('i');

const BLANK = 0x20;
const NEWLINE = 0x0a;

export interface BuiltBlock extends BlockWrite {
  /** The entries of the block, as places in the order of their families. */
  readonly from: number;
  readonly to: number;
  readonly samples: number;
}

export interface BuiltFamily {
  readonly index: number;
  readonly blocks: readonly BuiltBlock[];
}

/**
 * Cuts the entries of each family into blocks. A block ends where the identity of an entry says so, or at a limit that
 * is counted from there, never where the body was cut: so the same series pushed again in the same order come in the
 * same blocks, which overwrite themselves, whatever their values are.
 *
 * Costs 60–90 ns an entry of a million-series body, half of it the copy of the text.
 */
export class BlockBuilder {
  readonly #hash: SeriesHash;
  readonly #hashes = new Uint32Array(MAX_BLOCK_ENTRIES * 2);
  // For the search of duplicates within a block: slots hold the place of an entry plus one, above the stamp.
  readonly #slots = new Int32Array(MAX_BLOCK_ENTRIES * 4);
  #stamp = 0;
  /** The entries' numbers, family after family. */
  #order = new Int32Array(0);

  constructor(hash: SeriesHash) {
    this.#hash = hash;
  }

  /** The first lines of the entries at places `from` to `to`, as of the latest build. */
  linesOf(parsed: ParsedBlock, from: number, to: number): Int32Array {
    const lines = new Int32Array(to - from);
    for (let place = from; place < to; place++) lines[place - from] = parsed.entries.line[this.#order[place]];
    return lines;
  }

  build(parsed: ParsedBlock): BuiltFamily[] {
    const starts = this.#sortByFamily(parsed.entries, parsed.families.length);
    return parsed.families.map((family, index) => {
      const blocks: BuiltBlock[] = [];
      let from = starts[index];
      const end = starts[index + 1];
      while (from < end) {
        const to = this.#findEnd(parsed, family.kind, from, end);
        blocks.push(this.#write(parsed, family.kind, from, to));
        from = to;
      }
      return { index, blocks };
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

  #findEnd(parsed: ParsedBlock, kind: FamilyKind, from: number, end: number): number {
    const { start, end: ends, hashHi, hashLo } = parsed.entries;
    const order = this.#order;
    const most = Math.min(end, from + this.#entryLimit(parsed, order[from]));
    this.#newStamp();
    let bytes = 0;
    for (let place = from; place < most; place++) {
      const i = order[place];
      bytes += ends[i] - start[i];
      if (place > from && bytes > LONGEST_TEXT_BYTES) return place;
      // The same series twice: the later one must lie in a later block, for of two blocks the later wins.
      if (!this.#isNew(hashHi[i], hashLo[i], place - from, from, parsed.entries)) return place;
      if (endsBlock(hashLo[i], kind)) return place + 1;
    }
    return most;
  }

  // So many entries like the first make a block of the size that is aimed at. Counted without the values, because the
  // block must end at the same entry when those are longer.
  #entryLimit(parsed: ParsedBlock, first: number): number {
    const { start, end } = parsed.entries;
    const inScratch = start[first] >= SCRATCH;
    const bytes = inScratch ? parsed.scratch : parsed.text;
    const offset = inScratch ? SCRATCH : 0;
    let size = 0;
    let inValue = true;
    for (let i = end[first] - offset - 1; i >= start[first] - offset; i--) {
      if (bytes[i] === NEWLINE) inValue = true;
      else if (bytes[i] === BLANK) inValue = false;
      if (!inValue) size++;
    }
    return Math.max(1, Math.min(MAX_BLOCK_ENTRIES, Math.floor(MAX_BLOCK_BYTES / (size + 4))));
  }

  #newStamp(): void {
    this.#stamp += MAX_BLOCK_ENTRIES;
    if (this.#stamp > 2 ** 30) {
      this.#slots.fill(0);
      this.#stamp = MAX_BLOCK_ENTRIES;
    }
  }

  #isNew(hi: number, lo: number, at: number, from: number, entries: EntryList): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hi ^ (lo >>> 8)) & mask;
    while (slots[slot] > this.#stamp) {
      const other = this.#order[from + slots[slot] - this.#stamp - 1];
      if (entries.hashLo[other] === lo && entries.hashHi[other] === hi) return false;
      slot = (slot + 1) & mask;
    }
    slots[slot] = this.#stamp + at + 1;
    return true;
  }

  #write(parsed: ParsedBlock, kind: FamilyKind, from: number, to: number): BuiltBlock {
    const { start, end, hashHi, hashLo, samples: sampleCounts } = parsed.entries;
    const order = this.#order;
    const hashes = this.#hashes;
    let [textBytes, longest, samples] = [0, 0, 0];
    for (let place = from; place < to; place++) {
      const i = order[place];
      const length = end[i] - start[i];
      textBytes += length;
      if (length > longest) longest = length;
      samples += sampleCounts[i];
      hashes[(place - from) * 2] = hashLo[i];
      hashes[(place - from) * 2 + 1] = hashHi[i];
    }
    const writer = new PayloadWriter(kind, to - from, textBytes, longest > 0xffff);
    let at = writer.textAt;
    // Entries that follow each other in the body are copied in one piece.
    let runStart = start[order[from]];
    let runEnd = runStart;
    for (let place = from; place < to; place++) {
      const i = order[place];
      writer.add(hashHi[i], hashLo[i], end[i] - start[i]);
      if (start[i] !== runEnd) {
        at = copy(parsed, runStart, runEnd, writer.payload, at);
        runStart = start[i];
      }
      runEnd = end[i];
    }
    copy(parsed, runStart, runEnd, writer.payload, at);
    const field = Buffer.concat([INGEST_OWNER, this.#hash.digest128(hashes, to - from)]);
    return { field, payload: writer.payload, from, to, samples };
  }
}

function copy(parsed: ParsedBlock, start: number, end: number, target: Buffer, at: number): number {
  const inScratch = start >= SCRATCH;
  const source = inScratch ? parsed.scratch : parsed.text;
  const offset = inScratch ? SCRATCH : 0;
  return at + source.copy(target, at, start - offset, end - offset);
}
