import { KIB } from '../units.ts';

/** Pieces of a large body are somewhat longer than their target of 512 KiB at the most. */
const SIZE = 768 * KIB;

/**
 * Memory that pieces of bodies are moved to threads in, and come back in to be used again. New memory for each would count
 * as growth of the thread's heap, which V8 then marks over and over: 15 % of the CPU of a push of a million series.
 */
export class TextMemory {
  readonly #free: ArrayBuffer[] = [];
  readonly #most: number;

  /** @param most pieces that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** What it holds is anything. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = bytes <= SIZE ? this.#free.pop() : undefined;
    return new Uint8Array(buffer ?? Buffer.allocUnsafeSlow(Math.max(bytes, SIZE)).buffer, 0, bytes);
  }

  /** Nobody may look at it any more. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength === SIZE && this.#free.length < this.#most) this.#free.push(buffer);
  }
}
