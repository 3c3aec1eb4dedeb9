import { KIB } from '../units.ts';

/** Pieces of a large body are somewhat longer than their target of 512 KiB at the most. */
const SIZE = 768 * KIB;

/**
 * Memory that threads are given pieces of bodies in. It is shared with them and used again: memory that is moved to a
 * thread is taken for growth of its heap, which V8 then marks over and over. That was 15 % of the CPU of a push of a
 * million series.
 */
export class TextMemory {
  readonly #free: SharedArrayBuffer[] = [];
  #left: number;

  /** @param most pieces that may be out at once */
  constructor(most: number) {
    this.#left = most;
  }

  /** @returns shared memory; what is too long for it, or one too many, gets memory of its own, that can be moved */
  take(bytes: number): Uint8Array {
    const shared = bytes > SIZE ? undefined : (this.#free.pop() ?? this.#make());
    if (shared === undefined) return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    return new Uint8Array(shared, 0, bytes);
  }

  /** Nobody may look at it any more. */
  give({ buffer }: Uint8Array): void {
    if (buffer instanceof SharedArrayBuffer) this.#free.push(buffer);
  }

  /** It will not be given back: whoever has it may have broken while writing. */
  lose({ buffer }: Uint8Array): void {
    if (buffer instanceof SharedArrayBuffer) this.#left++;
  }

  #make(): SharedArrayBuffer | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return new SharedArrayBuffer(SIZE);
  }
}
