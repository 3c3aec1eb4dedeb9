import type { EntryList } from './exposition/entry-list.ts';

/**
 * Takes repeated series out of the entries of a block of lines: of each series only the last one counts. What is left
 * of a family needs no order among its blocks, and a history of one series makes one entry and not thousands.
 *
 * A search in a table of numbers, some 20 ns an entry.
 */
export class LatestEntries {
  /** Places of entries plus one, above the stamp of their family; a slot at or below the stamp is free. */
  #slots = new Int32Array(1024);
  #stamp = 0;
  #count = 0;

  /** @param count of all entries of the block of lines that comes next */
  reset(count: number): void {
    let size = this.#slots.length;
    while (size < count * 2) size *= 2;
    this.#nextStamp(0);
    if (size > this.#slots.length || this.#stamp + count * 2 > 2 ** 31 - 1) {
      this.#slots = new Int32Array(size);
      this.#stamp = 0;
    }
  }

  /**
   * Moves the latest entries of a family to the front of its places, in their order; their samples then include those of
   * the entries that they stand for.
   *
   * @param order numbers of entries; those of the family stand at places `from` to `end`
   * @returns the end of what is left
   */
  keep(entries: EntryList, order: Int32Array, from: number, end: number): number {
    const stamp = this.#nextStamp(end - from);
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { hashHi, hashLo, samples } = entries;
    let repeated = 0;
    for (let place = end - 1; place >= from; place--) {
      const i = order[place];
      let slot = (hashHi[i] ^ (hashLo[i] >>> 8)) & mask;
      for (;;) {
        if (slots[slot] <= stamp) {
          slots[slot] = stamp + place - from + 1;
          break;
        }
        const later = order[from + slots[slot] - stamp - 1];
        if (hashLo[later] === hashLo[i] && hashHi[later] === hashHi[i]) {
          samples[later] += samples[i];
          samples[i] = 0;
          repeated++;
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    if (repeated === 0) return end;
    let kept = from;
    for (let place = from; place < end; place++) {
      if (samples[order[place]] > 0) order[kept++] = order[place];
    }
    return kept;
  }

  // Places of one family lie between its stamp and that of the next, so the table need not be cleared between them.
  #nextStamp(entries: number): number {
    const stamp = this.#stamp + this.#count;
    this.#stamp = stamp;
    this.#count = entries;
    return stamp;
  }
}
