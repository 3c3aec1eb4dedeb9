import { KIB } from '../../units.ts';

const MIN_PAGE_BYTES = 4 * KIB;
const MAX_PAGE_BYTES = 64 * KIB;
/** Chunks from here on are kept as they are. */
const KEEP_BYTES = 16 * KIB;
/** Who announces much and sends little is given no memory for it: this part of it must have come. */
const COME_PART = 1 / 8;

/**
 * Gathers bytes. Large chunks are kept, so that nothing is copied twice; small ones are copied together, as a chunk of
 * one byte is an object of a hundred. What is held is at most about twice the bytes. If their number is known before, they
 * are copied to where they will be taken from as they come: then it is no more than they are, and taking them takes no time.
 */
export class BytePages {
  readonly #full: Buffer[] = [];
  #page = Buffer.alloc(0);
  #used = 0;
  #length = 0;
  readonly #expected: number;
  #whole: Buffer<ArrayBuffer> | undefined;

  /** @param expected how many bytes will come; 0: not known. There may be more or fewer in the end */
  constructor(expected = 0) {
    this.#expected = expected;
  }

  get length(): number {
    return this.#length;
  }

  /** Chunks that are added are copied, and not kept. */
  get copies(): boolean {
    return this.#whole !== undefined;
  }

  add(chunk: Buffer): void {
    const before = this.#length;
    this.#length += chunk.length;
    if (this.#length > this.#expected) this.#scatter(before);
    else if (this.#whole === undefined && this.#length >= this.#expected * COME_PART) this.#gather();
    if (this.#whole !== undefined) {
      chunk.copy(this.#whole, before);
      return;
    }
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
    if (this.#whole !== undefined) return this.#whole.subarray(0, Math.min(count, this.#length));
    return (this.#full[0] ?? this.#page.subarray(0, this.#used)).subarray(0, count);
  }

  /** All of it, in memory of its own. Nothing can be added afterwards. */
  take(): Buffer<ArrayBuffer> {
    if (this.#whole?.length !== this.#length) {
      this.#scatter(this.#length);
      this.#whole = this.#joined(this.#length);
    }
    const whole = this.#whole;
    this.#whole = undefined;
    this.#length = 0;
    return whole;
  }

  /** From here on bytes go to where they will be taken from. */
  #gather(): void {
    this.#whole = this.#joined(this.#expected);
  }

  /** There are more or fewer than expected after all: what is there is a page like others. */
  #scatter(bytes: number): void {
    if (this.#whole === undefined) return;
    this.#full.push(this.#whole.subarray(0, bytes));
    this.#whole = undefined;
  }

  /** Memory of so many bytes that begins with what is there. */
  #joined(bytes: number): Buffer<ArrayBuffer> {
    const whole = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const page of this.#full.splice(0)) at += page.copy(whole, at);
    if (this.#used < this.#page.length) this.#page.copy(whole, at, 0, this.#used);
    this.#page = Buffer.alloc(0);
    this.#used = 0;
    return whole;
  }
}
