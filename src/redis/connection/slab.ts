import { KIB } from '../../units.ts';
import { BytePool } from '../byte-pool.ts';

/** A family that is read at once may take five of them, and so may each of two that are on their way. */
const SLAB_BYTES = 512 * KIB;
const MOST_SLABS = 12;

/** For all connections of a thread. */
export function slabPool(): BytePool {
  return new BytePool(SLAB_BYTES, MOST_SLABS);
}

/**
 * Memory that a socket reads into. Who still needs what has been received there holds it; when nobody does it is used
 * again. If somebody forgets to let go, it is left to the collector.
 *
 * Without this each 64 KiB received would be memory of its own: garbage outside the heap, on account of which V8 marks
 * the whole heap every 64 MiB. That was up to half the time of a scrape.
 */
export class Slab {
  readonly bytes: Buffer;
  readonly #pool: BytePool | undefined;
  #holders = 1;

  /** @param pool that the memory goes back to. Its maker is the first to hold it */
  constructor(bytes: Buffer, pool?: BytePool) {
    this.bytes = bytes;
    this.#pool = pool;
  }

  static of(pool: BytePool): Slab {
    return new Slab(pool.take(pool.size), pool);
  }

  /** Nobody but the caller, who holds it, needs what is in it. */
  get isFree(): boolean {
    return this.#holders === 1;
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders === 0) this.#pool?.give(this.bytes);
  }
}
