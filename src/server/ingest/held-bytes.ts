import { KIB } from '../../units.ts';
import { NEWLINE } from '../../workers/exposition/character-classes.ts';
import { PieceText } from './piece-text.ts';

/** Smaller chunks are copied together, or those of a body that comes in drops would take more than what they hold. */
const SMALL_BYTES = 4 * KIB;
const GATHERED_BYTES = 64 * KIB;

/** The bytes of a body of which no piece has been cut yet, in the chunks in which they came. */
export class HeldBytes {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Where small chunks are gathered; the last of the chunks is its part from `#from` to `#to` if it is open. */
  #gathered = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #open = false;

  get length(): number {
    return this.#length;
  }

  append(chunk: Buffer): void {
    this.#length += chunk.length;
    if (chunk.length >= SMALL_BYTES) {
      this.#chunks.push(chunk);
      this.#open = false;
      return;
    }
    if (chunk.length > this.#gathered.length - this.#to) {
      this.#gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES);
      this.#to = 0;
      this.#open = false;
    }
    if (!this.#open) {
      this.#from = this.#to;
      this.#chunks.push(chunk);
      this.#open = true;
    }
    this.#to += chunk.copy(this.#gathered, this.#to);
    this.#chunks[this.#chunks.length - 1] = this.#gathered.subarray(this.#from, this.#to);
  }

  /** The offset of the last newline that is not behind this one; -1 if there is none. */
  lastNewline(from: number): number {
    let end = this.#length;
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i];
      const start = end - chunk.length;
      const at = start <= from ? chunk.lastIndexOf(NEWLINE, from - start) : -1;
      if (at >= 0) return start + at;
      end = start;
    }
    return -1;
  }

  /** Whether these bytes, four at most, are among the first so many, or in the chunk in which those end. */
  mayHave(bytes: Buffer, length: number): boolean {
    let before = Buffer.alloc(0);
    let end = 0;
    for (const chunk of this.#chunks) {
      if (end >= length) return false;
      if (chunk.indexOf(bytes) >= 0) return true;
      if (Buffer.concat([before, chunk.subarray(0, 3)]).indexOf(bytes) >= 0) return true;
      before = Buffer.concat([before, chunk.subarray(-3)]).subarray(-3);
      end += chunk.length;
    }
    return false;
  }

  /** Copies the first bytes. @param target no shorter than that */
  copyTo(target: Buffer, length: number): void {
    let at = 0;
    for (const chunk of this.#chunks) {
      if (at === length) break;
      at += chunk.copy(target, at, 0, length - at);
    }
  }

  /** From this offset to the end, each byte a character. */
  latin1(from: number): string {
    let text = '';
    let end = 0;
    for (const chunk of this.#chunks) {
      const start = end;
      end += chunk.length;
      if (end > from) text += chunk.toString('latin1', Math.max(0, from - start));
    }
    return text;
  }

  /** Takes the first bytes away. */
  take(length: number): PieceText {
    this.#length -= length;
    let left = length;
    let whole = 0;
    while (whole < this.#chunks.length && this.#chunks[whole].length <= left)
      left -= this.#chunks[whole++].length;
    const taken = this.#chunks.slice(0, whole);
    this.#chunks = this.#chunks.slice(whole);
    if (left > 0) {
      taken.push(this.#chunks[0].subarray(0, left));
      this.#chunks[0] = this.#chunks[0].subarray(left);
    }
    this.#open = false;
    return new PieceText(taken);
  }
}
