import { KIB } from '../../units.ts';
import { PieceText } from './piece-text.ts';

/** The bytes of a body of which no piece has been cut yet. */
export class PieceBuffer {
  #bytes = Buffer.allocUnsafeSlow(64 * KIB);
  #length = 0;

  /** Valid until the next call of another method. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = needed;
  }

  /** Takes the first bytes away. */
  take(length: number): PieceText {
    const piece = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(piece, 0, 0, length);
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
    return new PieceText([piece]);
  }
}
