import { MIB } from '../units.ts';

/**
 * Pieces of memory that are used again. Allocated anew for each request and block they would be garbage outside the heap,
 * and collecting that costs a worker more than half of what parsing does.
 */
export class BytePool {
  /** Of a piece. */
  readonly size: number;
  readonly #most: number;
  readonly #free: Buffer[] = [];

  /** @param most pieces that are kept */
  constructor(size: number, most: number) {
    this.size = size;
    this.#most = most;
  }

  /** @returns a piece of the usual size, or one of its own for something larger. What it holds is anything. */
  take(bytes: number): Buffer {
    if (bytes > this.size) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  /** Nobody may look at it any more. */
  give(piece: Buffer): void {
    if (piece.length === this.size && this.#free.length < this.#most) this.#free.push(piece);
  }
}

/** Memory of one task, which is let go of as a whole. */
export class Arena {
  readonly #pool: BytePool;
  readonly #taken: Buffer[] = [];
  #used = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  /** A pool for the arenas of a thread: two tasks with a piece each, and one for what a task needs beyond. */
  static pool(): BytePool {
    return new BytePool(1 * MIB, 3);
  }

  readonly allocate = (bytes: number): Buffer => {
    const current = this.#taken.at(-1);
    if (current !== undefined && this.#used + bytes <= current.length) {
      this.#used += bytes;
      return current.subarray(this.#used - bytes, this.#used);
    }
    const next = this.#pool.take(bytes);
    this.#taken.push(next);
    this.#used = bytes;
    return next.subarray(0, bytes);
  };

  /** Nobody may look at anything of it any more. */
  release(): void {
    for (const piece of this.#taken) this.#pool.give(piece);
    this.#taken.length = 0;
    this.#used = 0;
  }
}
