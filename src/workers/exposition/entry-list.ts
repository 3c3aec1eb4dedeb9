const FIRST_CAPACITY = 8192;

/** Offsets from here on count from the start of the scratch buffer instead of the text. */
export const SCRATCH = 2 ** 30;

/**
 * The entries of one block in order of their first lines, as one array for each property: thousands of small objects
 * for every task would cost more than all the parsing. Only the first `count` items of an array mean anything; the
 * arrays are used again for the next block and replaced when they grow.
 */
export class EntryList {
  count = 0;
  /** Index into the families of the block. */
  family = new Int32Array(FIRST_CAPACITY);
  hashHi = new Uint32Array(FIRST_CAPACITY);
  hashLo = new Uint32Array(FIRST_CAPACITY);
  /** Where the rendered lines are, the newline of the last one included: see `SCRATCH`. */
  start = new Int32Array(FIRST_CAPACITY);
  end = new Int32Array(FIRST_CAPACITY);
  /** The first line that it was read from, counted from 1. */
  line = new Int32Array(FIRST_CAPACITY);
  /** How many samples, that is lines, it was read from. 0 takes it off the list at the end of the block. */
  samples = new Int32Array(FIRST_CAPACITY);
  /** What its text has that not every format can show: see FEATURE_EXTRAS and the others in redis/block.ts. */
  features = new Uint8Array(FIRST_CAPACITY);

  reset(): void {
    // Set for few entries, so that adding the others need not touch it.
    this.features.fill(0, 0, this.count);
    this.count = 0;
  }

  /** @returns the index of the new entry */
  add(
    family: number,
    hi: number,
    lo: number,
    start: number,
    end: number,
    line: number,
    samples: number,
  ): number {
    const i = this.count++;
    if (i === this.family.length) this.#grow(i * 2);
    this.family[i] = family;
    this.hashHi[i] = hi;
    this.hashLo[i] = lo;
    this.start[i] = start;
    this.end[i] = end;
    this.line[i] = line;
    this.samples[i] = samples;
    return i;
  }

  /** @returns the index of an entry like one of another list */
  take(from: EntryList, entry: number): number {
    const { family, hashHi, hashLo, start, end, line, samples, features } = from;
    const i = this.add(
      family[entry],
      hashHi[entry],
      hashLo[entry],
      start[entry],
      end[entry],
      line[entry],
      samples[entry],
    );
    this.features[i] = features[entry];
    return i;
  }

  dropEmpty(): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (this.samples[i] === 0) continue;
      if (kept !== i) {
        this.family[kept] = this.family[i];
        this.hashHi[kept] = this.hashHi[i];
        this.hashLo[kept] = this.hashLo[i];
        this.start[kept] = this.start[i];
        this.end[kept] = this.end[i];
        this.line[kept] = this.line[i];
        this.samples[kept] = this.samples[i];
        this.features[kept] = this.features[i];
      }
      kept++;
    }
    this.features.fill(0, kept, this.count);
    this.count = kept;
  }

  /** Makes room for so many in all. */
  reserve(entries: number): void {
    if (entries > this.family.length) this.#grow(entries);
  }

  #grow(capacity: number): void {
    this.family = grownInt32(this.family, capacity);
    this.start = grownInt32(this.start, capacity);
    this.end = grownInt32(this.end, capacity);
    this.line = grownInt32(this.line, capacity);
    this.samples = grownInt32(this.samples, capacity);
    this.hashHi = grownUint32(this.hashHi, capacity);
    this.hashLo = grownUint32(this.hashLo, capacity);
    const features = new Uint8Array(capacity);
    features.set(this.features);
    this.features = features;
  }
}

export function grownInt32(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(array);
  return grown;
}

function grownUint32(array: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(array);
  return grown;
}
