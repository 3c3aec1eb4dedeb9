import type { SeriesHash } from '../identity.ts';
import { Bounds } from './bounds.ts';
import { type EntryList, grownInt32 } from './entry-list.ts';
import type { Role } from './families.ts';
import type { SampleLine } from './sample-line.ts';
import { Scratch } from './scratch.ts';

/** Fields of a sample: offsets into the text and into `tails`, the id of its bound, and the instance's next sample. */
export const VALUE_START = 0;
export const VALUE_END = 1;
export const TAIL_START = 2;
export const TAIL_END = 3;
export const BOUND = 4;
export const NEXT = 5;
export const SAMPLE_FIELDS = 6;

/** Fields of an instance: its entry, its labels in `keys`, and indexes of samples, which are NONE where there is none. */
export const ENTRY = 0;
export const KEY_START = 1;
export const KEY_END = 2;
export const FIRST_BOUND = 3;
export const LAST_BOUND = 4;
export const SUM = 5;
export const COUNT = 6;
/** 1 if a line of it was refused. */
export const DAMAGED = 7;
export const INSTANCE_FIELDS = 8;

export const NONE = -1;

const FIRST_CAPACITY = 1024;

/**
 * Gathers the lines of histograms and summaries: one instance for each family and set of labels, `le` and `quantile`
 * left out. Their lines normally stand together, so each is first compared with the instance before; if they do not,
 * a table of the hashes finds the instance.
 */
export class Instances {
  readonly bounds = new Bounds();
  count = 0;
  /** Labels of the instances in their canonical form. */
  readonly keys = new Scratch();
  /** Timestamps and extras of samples, each with the blank before it. */
  readonly tails = new Scratch();
  instances = new Int32Array(FIRST_CAPACITY * INSTANCE_FIELDS);
  samples = new Int32Array(FIRST_CAPACITY * SAMPLE_FIELDS);

  readonly #entries: EntryList;
  readonly #hash: SeriesHash;
  /** Open addressing; an instance is in there by its index plus one. */
  #table = new Int32Array(FIRST_CAPACITY * 2);
  #sampleCount = 0;
  #last = NONE;
  #keepEmpty = false;

  constructor(entries: EntryList, hash: SeriesHash) {
    this.#entries = entries;
    this.#hash = hash;
  }

  /** @param keepEmpty whether empty labels are part of what an instance is known by */
  reset(keepEmpty = false): void {
    this.#keepEmpty = keepEmpty;
    if (this.count > 0) this.#table.fill(0);
    this.count = 0;
    this.keys.clear();
    this.tails.clear();
    this.#sampleCount = 0;
    this.#last = NONE;
    this.bounds.trim();
  }

  /**
   * The instance that a canonical line is part of.
   *
   * @param start where its labels begin
   * @param end where its labels end
   * @param leftOutStart the label that is no part of the identity, or -1 if it has none
   */
  locate(
    text: Buffer,
    family: number,
    line: number,
    start: number,
    end: number,
    leftOutStart: number,
    leftOutEnd: number,
  ): number {
    let cut = end;
    let rest = end;
    if (leftOutStart === start) {
      cut = start;
      rest = leftOutEnd < end ? leftOutEnd + 1 : end;
    } else if (leftOutStart >= 0) {
      cut = leftOutStart - 1;
      rest = leftOutEnd;
    }
    if (this.#isLast(text, family, start, cut, rest, end)) return this.#last;
    const keyStart = this.keys.length;
    this.keys.reserve(end - start);
    this.keys.copy(text, start, cut);
    this.keys.copy(text, rest, end);
    return this.#find(family, line, keyStart);
  }

  /** The instance that any other line is part of, `except` being the label that is no part of the identity, or -1. */
  locateLine(sample: SampleLine, except: number, family: number, line: number): number {
    const keyStart = this.keys.length;
    sample.labels.write(this.keys, except, this.#keepEmpty);
    return this.#find(family, line, keyStart);
  }

  /** Adds a sample of any form. */
  addLine(instance: number, role: Role, bound: number, sample: SampleLine): void {
    const tailStart = this.tails.length;
    sample.writeTail(this.tails);
    this.add(instance, role, bound, sample.valueStart, sample.valueEnd, tailStart, this.tails.length);
    this.#entries.features[this.entryOf(instance)] |= sample.features();
  }

  /** Takes a line that says that the instance is there, and nothing else. */
  mention(instance: number): void {
    this.#entries.samples[this.entryOf(instance)]++;
  }

  /** Moves the entries of the instances to another list, as their lines are not all there; empty ones stay. */
  lift(to: EntryList): void {
    const from = this.#entries;
    for (let at = 0; at < this.count * INSTANCE_FIELDS; at += INSTANCE_FIELDS) {
      const entry = this.instances[at + ENTRY];
      this.instances[at + ENTRY] = to.take(from, entry);
      from.samples[entry] = 0;
    }
  }

  /** Puts them at the beginning of their list, when it has been emptied. */
  putBack(from: EntryList): void {
    for (let entry = 0; entry < from.count; entry++) this.#entries.take(from, entry);
    from.reset();
  }

  entryOf(instance: number): number {
    return this.instances[instance * INSTANCE_FIELDS + ENTRY];
  }

  /** Adds a sample. One that was there before in the same place is replaced. */
  add(
    instance: number,
    role: Role,
    bound: number,
    valueStart: number,
    valueEnd: number,
    tailStart: number,
    tailEnd: number,
  ): void {
    const sample = this.#sampleCount++;
    const at = sample * SAMPLE_FIELDS;
    if (at === this.samples.length) this.samples = grownInt32(this.samples, at * 2);
    this.samples[at + VALUE_START] = valueStart;
    this.samples[at + VALUE_END] = valueEnd;
    this.samples[at + TAIL_START] = tailStart;
    this.samples[at + TAIL_END] = tailEnd;
    this.samples[at + BOUND] = bound;
    this.samples[at + NEXT] = NONE;

    const fields = instance * INSTANCE_FIELDS;
    this.#entries.samples[this.instances[fields + ENTRY]]++;
    if (role === 'sum') {
      this.instances[fields + SUM] = sample;
    } else if (role === 'count') {
      this.instances[fields + COUNT] = sample;
    } else {
      const last = this.instances[fields + LAST_BOUND];
      if (last === NONE) this.instances[fields + FIRST_BOUND] = sample;
      else this.samples[last * SAMPLE_FIELDS + NEXT] = sample;
      this.instances[fields + LAST_BOUND] = sample;
    }
  }

  /** A line of the instance was refused, so what is left of it is not the whole. */
  damage(instance: number): void {
    this.instances[instance * INSTANCE_FIELDS + DAMAGED] = 1;
  }

  #isLast(text: Buffer, family: number, start: number, cut: number, rest: number, end: number): boolean {
    if (this.#last === NONE) return false;
    const fields = this.#last * INSTANCE_FIELDS;
    let key = this.instances[fields + KEY_START];
    if (this.instances[fields + KEY_END] - key !== cut - start + (end - rest)) return false;
    if (this.#entries.family[this.instances[fields + ENTRY]] !== family) return false;
    const bytes = this.keys.bytes;
    for (let i = start; i < cut; i++) if (bytes[key++] !== text[i]) return false;
    for (let i = rest; i < end; i++) if (bytes[key++] !== text[i]) return false;
    return true;
  }

  /** Finds the instance with the key that was written last, or makes it. */
  #find(family: number, line: number, keyStart: number): number {
    this.#hash.hash(this.keys.bytes, keyStart, this.keys.length);
    const { hi, lo } = this.#hash;
    const entries = this.#entries;
    const mask = this.#table.length - 1;
    let slot = slotOf(family, lo) & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const instance = this.#table[slot] - 1;
      const entry = this.instances[instance * INSTANCE_FIELDS + ENTRY];
      if (entries.hashLo[entry] === lo && entries.hashHi[entry] === hi && entries.family[entry] === family) {
        this.keys.length = keyStart;
        this.#last = instance;
        return instance;
      }
    }
    const instance = this.count++;
    this.#table[slot] = instance + 1;
    const at = instance * INSTANCE_FIELDS;
    if (at === this.instances.length) this.instances = grownInt32(this.instances, at * 2);
    this.instances.fill(NONE, at, at + INSTANCE_FIELDS);
    this.instances[at + ENTRY] = entries.add(family, hi, lo, 0, 0, line, 0);
    this.instances[at + KEY_START] = keyStart;
    this.instances[at + KEY_END] = this.keys.length;
    this.#last = instance;
    if (this.count * 2 > this.#table.length) this.#growTable();
    return instance;
  }

  #growTable(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let instance = 0; instance < this.count; instance++) {
      const entry = this.instances[instance * INSTANCE_FIELDS + ENTRY];
      let slot = slotOf(this.#entries.family[entry], this.#entries.hashLo[entry]) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = instance + 1;
    }
  }
}

/** The same labels are common in many families: spread them. */
function slotOf(family: number, lo: number): number {
  return lo ^ Math.imul(family, 0x9e3779b1);
}
