import { BlockFormatError, BlockView, entriesOf, type FamilyKind, sequenceOf } from './block.ts';
import type { BlockMerge, Piece } from './block-merge.ts';
import type { BulkSink } from './connection/reply-decoder.ts';
import type { Slab } from './connection/slab.ts';
import type { ReadStats } from './family-reader.ts';
import { HOLDING, ID_END, livesUntil } from './holdings.ts';

const INGEST_BYTE = 'i'.charCodeAt(0);
const HOLDING_BYTE = HOLDING.charCodeAt(0);

// One at a time is looked at.
const view = new BlockView();

/**
 * The hash of a family, as Redis gives it: fields and values in turn. The blocks stay where they were received, and of
 * each there are a few numbers: of families with thousands of tiny ones, objects would take longer than all the rest.
 */
export class FamilyBlocks implements BulkSink {
  readonly #slabs: Slab[] = [];
  readonly #values: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** The id of the group that a block belongs to, or '' if it is one of /ingest. */
  readonly #groups: string[] = [];
  #deadlines: Map<string, number> | undefined;
  #entries = 0;
  /** The field whose value is to come. */
  #field: 'none' | 'block' | 'holding' | 'other' = 'none';
  #group = '';

  /** Of the field of a block no more is needed than what names its owner. Fields of one byte tell of the family. */
  bulk(slab: Slab, from: number, to: number): void {
    const { bytes } = slab;
    const field = this.#field;
    if (field === 'none') {
      this.#begin(bytes, from, to);
      return;
    }
    this.#field = 'none';
    if (field === 'block') {
      if (this.#slabs.at(-1) !== slab) {
        slab.hold();
        this.#slabs.push(slab);
      }
      this.#values.push(bytes);
      this.#starts.push(from);
      this.#ends.push(to);
      this.#groups.push(this.#group);
      this.#entries += entriesOf(bytes, from, to);
    } else if (field === 'holding' && to - from >= 8) {
      this.#deadlines ??= new Map();
      this.#deadlines.set(this.#group, bytes.readDoubleLE(from));
    }
  }

  #begin(bytes: Buffer, from: number, to: number): void {
    if (to - from === 1) {
      this.#field = 'other';
      return;
    }
    const first = bytes[from];
    this.#field = first === HOLDING_BYTE ? 'holding' : 'block';
    this.#group = first === INGEST_BYTE ? '' : bytes.toString('latin1', from + 1, from + ID_END);
  }

  /**
   * What is to be shown of the family, good until it is released.
   * @param nowMs what ends by then has ended
   */
  texts(nowMs: number, kind: FamilyKind, stats: ReadStats, merge: BlockMerge): Piece[] {
    const count = this.#values.length;
    const pieces: Piece[] = [];
    merge.begin(count > 1 ? this.#entries : 0);
    for (let i = 0; i < count; i++) {
      if (!this.#look(i)) stats.damagedBlocks++;
      else if (view.kind === kind) this.#merge(i, nowMs, merge, pieces);
    }
    if (merge.repeats) {
      // Seldom more than a few do, but only the order of all tells which of them counts.
      pieces.length = 0;
      merge.begin(this.#entries);
      for (const i of this.#newestFirst()) {
        if (this.#look(i) && view.kind === kind) this.#merge(i, nowMs, merge, pieces);
      }
    }
    stats.series += merge.series;
    return pieces;
  }

  /** Nobody looks at its texts any more. */
  release(): void {
    for (const slab of this.#slabs) slab.release();
    this.#slabs.length = 0;
  }

  /** False: it is damaged. */
  #look(i: number): boolean {
    try {
      view.read(this.#values[i], this.#starts[i], this.#ends[i]);
      return true;
    } catch (error) {
      if (error instanceof BlockFormatError) return false;
      throw error;
    }
  }

  #merge(i: number, nowMs: number, merge: BlockMerge, pieces: Piece[]): void {
    const group = this.#groups[i];
    const endsMs = livesUntil(view, group === '' ? undefined : this.#deadlines?.get(group));
    if (this.#values.length === 1) merge.takeOnly(view, nowMs, endsMs, pieces);
    else merge.take(view, nowMs, endsMs, pieces);
  }

  #newestFirst(): number[] {
    const sequences = this.#values.map((value, i) => sequenceOf(value, this.#starts[i], this.#ends[i]));
    return sequences.map((_, i) => i).sort((a, b) => sequences[b] - sequences[a]);
  }
}
