import type { Buffer as NodeBuffer } from 'node:buffer';
import type { HashSum } from './hash-sum.ts';

/**
 * A block: consecutive entries of one family from one push, as one value of the family's hash.
 *
 *     offset  0  float64  sequence; the later of two wins
 *             8  float64  deadline, ms
 *            16  uint8    kind of its entries: 0 plain, 1 histogram, 2 summary; bit 7: lengths are uint32
 *            17  uint8    version of this layout: 1
 *            18  uint8    features of its text: see FEATURE_EXTRAS and the others
 *            19           1 byte, 0
 *            20  uint32   number of entries, n
 *            24  uint32   0, or the family's revision in which compaction took entries out of it. Written by its script
 *            28  n × 2 uint32   identity of each entry, high and low half
 *                n × uint16     bytes of text of each entry (or uint32)
 *                               the text: exposition lines, entry after entry
 *
 * All numbers are little-endian. A block whose deadline has passed is not shown, but hides older values of its
 * entries; it can do so without its text.
 */
const HEADER_BYTES = 28;
/** The part of the header that tells when: sequence and deadline. */
export const STAMP_BYTES = 16;

/** What an entry of a family consists of: one line, or all lines of one histogram or summary. */
export type FamilyKind = 'plain' | 'histogram' | 'summary';
const KINDS: readonly FamilyKind[] = ['plain', 'histogram', 'summary'];
const WIDE = 0x80;
const VERSION = 1;

/*
 * What the text of a block has that not every format can show, or shows in the same way, as bits: a text without any of
 * it goes out as it is stored.
 */
/** Lines with extras: exemplars, created times, native histograms (see docs/architecture.md, "Blocks"). */
export const FEATURE_EXTRAS = 1;
/** Lines with timestamps. */
export const FEATURE_TIMESTAMPS = 2;
/** Names in quotes, since they are not of the classic alphabet. */
export const FEATURE_QUOTED_NAMES = 4;

/** A deadline for "never": the last millisecond of the year 9999, as far as Redis's own expiry may be trusted with. */
export const NEVER_MS = 253_402_300_799_999;

/**
 * About how long a block may be, and how many entries it has at the most, counted from its start. Redis's allocator has sizes
 * of 64 and 80 KiB: blocks that end here are below the first even if their values are somewhat longer than expected.
 */
export const MAX_BLOCK_BYTES = 62 * 1024;
export const MAX_BLOCK_ENTRIES = 1024;
/** What a block has of an entry beside its text, unless that is very long. */
export const ENTRY_BYTES = 10;

// Most blocks lie one after the other in the same memory, and may be tiny: no view is made for each, and what V8 has no
// inline way for, to ask where an array lies, is asked once.
const NO_BYTES = Buffer.alloc(0);
let lastValue: NodeBuffer = NO_BYTES;
let lastView = new DataView<ArrayBufferLike>(NO_BYTES.buffer);
/** Where the last value begins in the view: good until another one is asked for. */
let lastOffset = 0;

function viewOf(value: NodeBuffer): DataView {
  if (lastValue !== value) {
    if (lastView.buffer !== value.buffer) lastView = new DataView(value.buffer);
    lastOffset = value.byteOffset;
    lastValue = value;
  }
  return lastView;
}

/** Writes a block: its entries, one by one, and separately their text. Of the stamp there is only the room. */
export class BlockWriter {
  readonly value: NodeBuffer;
  readonly textAt: number;
  readonly #view: DataView;
  /** In the view, as the next. */
  readonly #hashesAt: number;
  readonly #lengthsAt: number;
  readonly #wide: boolean;
  #entries = 0;

  constructor(
    kind: FamilyKind,
    entries: number,
    textBytes: number,
    wide: boolean,
    features = 0,
    allocate: (bytes: number) => NodeBuffer = Buffer.allocUnsafe,
  ) {
    this.#wide = wide;
    this.textAt = HEADER_BYTES + entries * (wide ? 12 : ENTRY_BYTES);
    const value = allocate(this.textAt + textBytes);
    this.#view = viewOf(value);
    this.#hashesAt = lastOffset + HEADER_BYTES;
    this.#lengthsAt = this.#hashesAt + entries * 8;
    value[16] = KINDS.indexOf(kind) | (wide ? WIDE : 0);
    value[17] = VERSION;
    value[18] = features;
    value[19] = 0;
    value.writeUInt32LE(entries, 20);
    value.writeUInt32LE(0, 24);
    this.value = value;
  }

  add(hi: number, lo: number, length: number): void {
    const i = this.#entries++;
    this.#view.setUint32(this.#hashesAt + i * 8, hi, true);
    this.#view.setUint32(this.#hashesAt + i * 8 + 4, lo, true);
    if (this.#wide) this.#view.setUint32(this.#lengthsAt + i * 4, length, true);
    else this.#view.setUint16(this.#lengthsAt + i * 2, length, true);
  }
}

/** Writes the stamp of a value. */
export function stamp(value: NodeBuffer, sequence: number, deadlineMs: number): void {
  value.writeDoubleLE(sequence, 0);
  value.writeDoubleLE(deadlineMs, 8);
}

/** Writes into a value the revision of the family in which it was changed. */
export function setRevision(value: NodeBuffer, revision: number): void {
  value.writeUInt32LE(revision, 24);
}

/** Entries and sequence of what may be a block, from `start` on: 0 if it is too short for one, or for so many. */
export function entriesOf(value: NodeBuffer, start: number, end: number): number {
  if (end - start < HEADER_BYTES) return 0;
  const entries = value.readUInt32LE(start + 20);
  return HEADER_BYTES + entries * ENTRY_BYTES <= end - start ? entries : 0;
}

export function sequenceOf(value: NodeBuffer, start: number, end: number): number {
  return end - start < HEADER_BYTES ? 0 : value.readDoubleLE(start);
}

/** The identities of the entries of a block, 8 bytes each, as they stand in it. */
export function entryHashesOf(value: NodeBuffer, start = 0): NodeBuffer {
  return value.subarray(start + HEADER_BYTES, start + HEADER_BYTES + value.readUInt32LE(start + 20) * 8);
}

/** Adds the identities of the entries to a sum that tells entries of one kind from those of another, if it is a block. */
export function sumEntries(value: NodeBuffer, start: number, end: number, sum: HashSum): void {
  const entries = entriesOf(value, start, end);
  if (entries === 0) return;
  const factor = 2 * ((value[start + 16] as number) & ~WIDE) + 1;
  const view = viewOf(value);
  const from = lastOffset + start + HEADER_BYTES;
  let [hi, lo] = [0, 0];
  for (let at = from, to = from + entries * 8; at < to; at += 8) {
    hi = (hi + view.getInt32(at, true)) | 0;
    lo = (lo + view.getInt32(at + 4, true)) | 0;
  }
  sum.add(Math.imul(hi, factor), Math.imul(lo, factor), entries);
}

/** Reads a block, or only its header, in place. One view may look at one block after the other: it costs nothing. */
export class BlockView {
  /** What the block stands in, at `start`. */
  value: NodeBuffer = NO_BYTES;
  start = 0;
  end = 0;
  sequence = 0;
  deadlineMs = 0;
  kind: FamilyKind = 'plain';
  features = 0;
  /** 0 if it is as it was pushed. */
  revision = 0;
  count = 0;
  /** Where in `value` its text begins. */
  textAt = 0;
  #view = lastView;
  /** In the view, as the next. */
  #hashesAt = 0;
  #lengthsAt = 0;
  #wide = false;

  /** Throws BlockFormatError for bytes that are no block. */
  static of(value: NodeBuffer): BlockView {
    return new BlockView().read(value, 0, value.length);
  }

  /** Looks at the bytes from `start` to `end`. Throws BlockFormatError for bytes that are no block. */
  read(value: NodeBuffer, start: number, end: number): this {
    if (end - start < HEADER_BYTES) throw new BlockFormatError();
    this.value = value;
    this.start = start;
    this.end = end;
    const view = viewOf(value);
    const at = lastOffset + start;
    this.#view = view;
    this.sequence = view.getFloat64(at, true);
    this.deadlineMs = view.getFloat64(at + 8, true);
    const flags = view.getUint8(at + 16);
    const kind = KINDS[flags & 0x7f];
    if (kind === undefined || view.getUint8(at + 17) !== VERSION) throw new BlockFormatError();
    this.kind = kind;
    this.features = view.getUint8(at + 18);
    this.revision = view.getUint32(at + 24, true);
    this.#wide = (flags & WIDE) !== 0;
    this.count = view.getUint32(at + 20, true);
    this.textAt = start + HEADER_BYTES + this.count * (this.#wide ? 12 : ENTRY_BYTES);
    if (this.textAt > end) throw new BlockFormatError();
    this.#hashesAt = at + HEADER_BYTES;
    this.#lengthsAt = this.#hashesAt + this.count * 8;
    return this;
  }

  /** The halves of an identity are given as int32: half of all uint32 would be numbers with a place on the heap. */
  hi(entry: number): number {
    return this.#view.getInt32(this.#hashesAt + entry * 8, true);
  }

  lo(entry: number): number {
    return this.#view.getInt32(this.#hashesAt + entry * 8 + 4, true);
  }

  length(entry: number): number {
    return this.#wide
      ? this.#view.getUint32(this.#lengthsAt + entry * 4, true)
      : this.#view.getUint16(this.#lengthsAt + entry * 2, true);
  }
}

export class BlockFormatError extends Error {
  override readonly name = 'BlockFormatError';

  constructor() {
    super('a block in Redis is damaged or was written by a newer version');
  }
}
