import { KIB } from '../../units.ts';

const MIN_PAGE_BYTES = 4 * KIB;
const MAX_PAGE_BYTES = 64 * KIB;
/** Chunks from here on are kept as they are. */
const KEEP_BYTES = 16 * KIB;

/**
 * Gathers bytes. Large chunks are kept, so that nothing is copied twice; small ones are copied together, as a chunk of
 * one byte is an object of a hundred. What is held is at most about twice the bytes.
 */
export class BytePages {
  readonly #full: Buffer[] = [];
  #page = Buffer.alloc(0);
  #used = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#used === this.#page.length) {
        if (rest.length >= KEEP_BYTES) {
          this.#full.push(rest);
          return;
        }
        const size = Math.min(Math.max(this.#length, MIN_PAGE_BYTES), MAX_PAGE_BYTES);
        this.#page = Buffer.allocUnsafeSlow(size);
        this.#used = 0;
      }
      const count = rest.copy(this.#page, this.#used);
      this.#used += count;
      rest = rest.subarray(count);
      if (this.#used === this.#page.length) this.#full.push(this.#page);
    }
  }

  /** The first bytes, as many of `count` as there are without a gap: all while they are fewer than a page has. */
  head(count: number): Buffer {
    return (this.#full[0] ?? this.#page.subarray(0, this.#used)).subarray(0, count);
  }

  /** All of it, in memory of its own. Nothing can be added afterwards. */
  take(): Buffer<ArrayBuffer> {
    const whole = Buffer.allocUnsafeSlow(this.#length);
    let at = 0;
    for (const page of this.#full.splice(0)) at += page.copy(whole, at);
    if (this.#used < this.#page.length) this.#page.copy(whole, at, 0, this.#used);
    this.#page = Buffer.alloc(0);
    this.#used = 0;
    this.#length = 0;
    return whole;
  }
}
