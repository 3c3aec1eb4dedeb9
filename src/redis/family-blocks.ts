import { BlockFormatError, BlockView, type FamilyKind, sequenceOf, sumEntries } from './block.ts';
import type { BlockMerge, Piece } from './block-merge.ts';
import type { BlockPlaces } from './block-places.ts';
import type { BulkSink } from './connection/reply-decoder.ts';
import type { Slab } from './connection/slab.ts';
import { EntryTable } from './entry-table.ts';
import { blocksOf, type FamilyMeta, META, readMeta } from './family-meta.ts';
import { valueKind } from './family-values.ts';
import { HashSum } from './hash-sum.ts';
import { GROUP_OWNER, HOLDING, heldUntilMs, ID_END, livesUntil } from './holdings.ts';
import { eachBlock, mostShelves, PLACE_BYTES } from './shelves.ts';

const GROUP_BYTE = GROUP_OWNER.charCodeAt(0);
const HOLDING_BYTE = HOLDING.charCodeAt(0);
const META_BYTE = META.charCodeAt(0);

/** So many are looked through faster than a table is made. */
const FEW_GROUPS = 8;

/** What a family must be asked for besides its values. True: the fields; a number: so many shelves. */
export type Needed = true | number;

// One at a time is looked at.
const view = new BlockView();

/** What went by while reading. */
export interface ReadStats {
  series: number;
  /** Blocks that are listed but cannot be read: damaged, or evicted by Redis. */
  damagedBlocks: number;
}

/**
 * A family, as Redis gives it: the values of its hash, or fields and values in turn, or what is known of it and its shelves.
 * The blocks stay where they were received.
 */
export class FamilyBlocks implements BulkSink {
  /** Whether fields come, too. */
  withFields = false;
  /** What is known of it comes, and then so many shelves. 0: its hash. */
  shelves = 0;
  /** Answers for shelves that have come, and which was the last one that is there, counted from 1. */
  #shelfAnswers = 0;
  #lastShelf = 0;
  /** A block is not in the hash: its place is. */
  #hasPlaces = false;
  readonly #slabs: Slab[] = [];
  readonly #places: BlockPlaces;
  /** Of its blocks there: which comes first, and how many there are. */
  #first = 0;
  #count = 0;
  /** The halves of the ids of groups, and until when each lives here, ms. */
  readonly #heldHi: number[] = [];
  readonly #heldLo: number[] = [];
  readonly #heldUntil: number[] = [];
  /** Where in these a group stands, if there are many. */
  #held: EntryTable | undefined;
  /** Of all entries of the blocks. */
  readonly #sum = new HashSum();
  /** Values that are what is known of the family, or, without fields, what a group holds. */
  #heads = 0;
  #meta: Buffer | undefined;
  #metaAt = 0;
  #metaEnd = 0;
  /** The field whose value is to come. */
  #field: 'none' | 'meta' | 'block' | 'holding' | 'other' = 'none';
  #hi: number | undefined;
  #lo: number | undefined;

  /** @param places where its blocks go. What others add there comes before the first one or after the last */
  constructor(places: BlockPlaces) {
    this.#places = places;
  }

  /**
   * This is not all. The values do not tell of which groups they are, or are not what they should be; or the blocks stand on
   * shelves that were not asked for, or no longer.
   */
  get isUnclear(): boolean {
    if (this.withFields) return this.#hasPlaces;
    if (this.shelves > 0) {
      if (this.isGone) return false;
      return this.lacksShelves || !this.readMeta().isShelved || this.#noted !== this.#count;
    }
    if (this.#heads === 0 && this.#count === 0) return false;
    return this.#heads !== 1 || this.#noted !== this.#count;
  }

  /** What it must be asked for if it is unclear. */
  get needed(): Needed {
    // With several heads it is not known which of them is what is known of the family; but on shelves there is one.
    if (this.#heads !== 1 || this.#noted < 0) return true;
    const { isShelved, bytes } = this.readMeta();
    return isShelved ? mostShelves(bytes) : true;
  }

  /** There may be more shelves than were asked for: that all have come is known if the last one is not there. */
  get lacksShelves(): boolean {
    return this.shelves > 0 && this.#lastShelf === this.shelves;
  }

  /** Shelves that it has, as far as they were asked for. */
  get shelfCount(): number {
    return this.#lastShelf;
  }

  /** How many blocks it has by what is known of it. */
  get #noted(): number {
    return blocksOf(this.#meta as Buffer, this.#metaAt, this.#metaEnd);
  }

  /** Groups have blocks that say nothing of their deadline themselves. */
  get hasHoldings(): boolean {
    return this.#heldUntil.length > 0;
  }

  /** There is no such family, or only somebody's wish to make it. */
  get isGone(): boolean {
    return this.#meta === undefined;
  }

  /** What is known of it. It must not be gone. */
  readMeta(): FamilyMeta {
    return readMeta(this.#meta as Buffer, this.#metaAt, this.#metaEnd);
  }

  bulk(slab: Slab, from: number, to: number): void {
    const { bytes } = slab;
    let field = this.#field;
    if (this.shelves > 0) {
      field = 'meta';
    } else if (!this.withFields) {
      const kind = valueKind(bytes, from, to);
      field = kind === 'head' ? 'meta' : kind;
    } else if (field === 'none') {
      this.#begin(bytes, from, to);
      return;
    }
    this.#field = 'none';
    if (field === 'block' || field === 'meta') {
      if (this.#slabs[this.#slabs.length - 1] !== slab) {
        slab.hold();
        this.#slabs.push(slab);
      }
    }
    if (field === 'block') {
      if (this.withFields && to - from === PLACE_BYTES) this.#hasPlaces = true;
      this.#add(bytes, from, to, this.#hi, this.#lo);
    } else if (field === 'meta') {
      this.#heads++;
      this.#meta = bytes;
      this.#metaAt = from;
      this.#metaEnd = to;
    } else if (field === 'holding' && to - from >= 8) {
      this.#heldHi.push(this.#hi ?? 0);
      this.#heldLo.push(this.#lo ?? 0);
      this.#heldUntil.push(heldUntilMs(bytes, from));
    }
  }

  /** The next shelf. */
  shelf(slab: Slab, from: number, to: number): void {
    this.#lastShelf = ++this.#shelfAnswers;
    slab.hold();
    this.#slabs.push(slab);
    eachBlock(slab.bytes, from, to, (start, end) => this.#add(slab.bytes, start, end));
  }

  /** The next shelf is not there. */
  nil(): void {
    this.#shelfAnswers++;
  }

  #add(bytes: Buffer, from: number, to: number, groupHi?: number, groupLo?: number): void {
    const i = this.#places.add(bytes, from, to, groupHi, groupLo);
    if (this.#count++ === 0) this.#first = i;
    sumEntries(bytes, from, to, this.#sum);
  }

  /** Fields of one byte tell of the family. */
  #begin(bytes: Buffer, from: number, to: number): void {
    const first = bytes[from];
    if (to - from === 1) {
      this.#field = first === META_BYTE ? 'meta' : 'other';
      return;
    }
    this.#field = first === HOLDING_BYTE ? 'holding' : 'block';
    // What a lone block says itself stands in a field of groups otherwise.
    const isGroups = first === HOLDING_BYTE || (first === GROUP_BYTE && to - from > ID_END);
    this.#hi = isGroups ? bytes.readInt32LE(from + 1) : undefined;
    this.#lo = isGroups ? bytes.readInt32LE(from + 5) : undefined;
  }

  /**
   * What is to be shown of the family, good until it is released.
   * @param nowMs what ends by then has ended
   */
  texts(name: string, nowMs: number, kind: FamilyKind, stats: ReadStats, merge: BlockMerge): Piece[] {
    const count = this.#count;
    const first = this.#first;
    const pieces: Piece[] = [];
    const areDistinct = count <= 1 || merge.distinct.has(name, this.#sum);
    if (areDistinct) merge.beginDistinct();
    else merge.begin(this.#sum.count);
    let areLike = true;
    for (let i = first; i < first + count; i++) {
      if (!this.#look(i)) {
        stats.damagedBlocks++;
        areLike = false;
      } else if (view.kind !== kind) areLike = false;
      else if (areDistinct) merge.takeWhole(view, nowMs, this.#endsMs(i), pieces);
      else merge.take(view, nowMs, this.#endsMs(i), pieces);
    }
    if (merge.repeats) {
      // Seldom more than a few do, but only the order of all tells which of them counts.
      pieces.length = 0;
      merge.begin(this.#sum.count);
      for (const i of this.#newestFirst()) {
        if (this.#look(i) && view.kind === kind) merge.take(view, nowMs, this.#endsMs(i), pieces);
      }
    } else if (areLike && !areDistinct) {
      merge.distinct.note(name, this.#sum);
    }
    stats.series += merge.series;
    return pieces;
  }

  /** Nobody looks at its texts any more: it is as new. */
  release(): void {
    for (let slab = this.#slabs.pop(); slab !== undefined; slab = this.#slabs.pop()) slab.release();
    if (this.#heldUntil.length > 0) {
      for (const array of [this.#heldHi, this.#heldLo, this.#heldUntil]) array.length = 0;
      this.#held = undefined;
    }
    this.#count = 0;
    this.#sum.clear();
    this.#heads = 0;
    this.#meta = undefined;
    this.#field = 'none';
    this.#hi = undefined;
    this.#lo = undefined;
    this.#shelfAnswers = 0;
    this.#lastShelf = 0;
    this.#hasPlaces = false;
  }

  /** False: it is damaged. */
  #look(i: number): boolean {
    const { values, starts, ends } = this.#places;
    try {
      view.read(values[i], starts[i], ends[i]);
      return true;
    } catch (error) {
      if (error instanceof BlockFormatError) return false;
      throw error;
    }
  }

  /** Until when the block lives that is looked at. */
  #endsMs(i: number): number {
    return livesUntil(view, this.#heldUntil.length === 0 ? undefined : this.#groupEndsMs(i));
  }

  /** Until when the group lives that a block belongs to; undefined if it belongs to none, or nothing is said of that. */
  #groupEndsMs(i: number): number | undefined {
    const hi = this.#places.groupHi[i];
    const lo = this.#places.groupLo[i];
    if (hi === undefined || lo === undefined) return undefined;
    const count = this.#heldUntil.length;
    if (count <= FEW_GROUPS) {
      for (let k = 0; k < count; k++) {
        if (this.#heldHi[k] === hi && this.#heldLo[k] === lo) return this.#heldUntil[k];
      }
      return undefined;
    }
    if (this.#held === undefined) {
      this.#held = new EntryTable(count);
      for (let k = 0; k < count; k++) this.#held.add(this.#heldHi[k], this.#heldLo[k], k);
    }
    return this.#heldUntil[this.#held.get(hi, lo)];
  }

  #newestFirst(): number[] {
    const { values, starts, ends } = this.#places;
    const first = this.#first;
    const sequences = Float64Array.from({ length: this.#count }, (_, i) =>
      sequenceOf(values[first + i], starts[first + i], ends[first + i]),
    );
    return Array.from(sequences, (_, i) => i)
      .sort((a, b) => sequences[b] - sequences[a])
      .map((i) => first + i);
  }
}
