import { KIB } from '../units.ts';
import { writeText } from './ascii.ts';

const SLAB_BYTES = 8 * KIB;
const EQUALS = '='.charCodeAt(0);

/**
 * Writes arguments that each tell a script several things: for an argument of its own, a number or a name of a few bytes
 * takes this side and Redis longer than all that is done with it. The scripts read them with struct.unpack, little-endian.
 */
export class HeaderWriter {
  #memory = Buffer.allocUnsafe(SLAB_BYTES);
  #start = 0;
  #at = 0;

  /** `B` */
  byte(value: number): void {
    this.#reserve(1);
    this.#memory[this.#at++] = value;
  }

  /** `I4` */
  uint32(value: number): void {
    this.#reserve(4);
    this.#at = this.#memory.writeUInt32LE(value, this.#at);
  }

  /** `d` */
  float64(value: number): void {
    this.#reserve(8);
    this.#at = this.#memory.writeDoubleLE(value, this.#at);
  }

  /** `Bc0`. @param value ASCII, at most 255 characters */
  word(value: string): void {
    const { length } = value;
    this.#reserve(1 + length);
    this.#memory[this.#at++] = length;
    for (let i = 0; i < length; i++) this.#memory[this.#at++] = value.charCodeAt(i);
  }

  /** `I4c0` */
  text(value: string): void {
    this.#reserve(4 + value.length * 3);
    const start = this.#at;
    this.#at = writeText(this.#memory, start + 4, value);
    this.#memory.writeUInt32LE(this.#at - start - 4, start);
  }

  /**
   * `I4c0`: what a push says of a family, as the scripts keep it (see commands/shared/family.lua).
   * @param type '': not declared
   */
  description(type: string, help: string | undefined, unit: string | undefined): void {
    this.#reserve(4);
    this.#at += 4;
    const before = this.length;
    this.word(type);
    this.#given(help);
    this.#given(unit);
    const bytes = this.length - before;
    this.#memory.writeUInt32LE(bytes, this.#at - bytes - 4);
  }

  /** `I4c0`: a text that may be missing, with `=` before it if it is there. */
  #given(value: string | undefined): void {
    if (value === undefined) {
      this.uint32(0);
      return;
    }
    this.#reserve(5 + value.length * 3);
    const start = this.#at;
    this.#memory[start + 4] = EQUALS;
    this.#at = writeText(this.#memory, start + 5, value);
    this.#memory.writeUInt32LE(this.#at - start - 4, start);
  }

  /** `I4c0` */
  sized(value: Uint8Array): void {
    this.uint32(value.length);
    this.bytes(value);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#memory.set(value, this.#at);
    this.#at += value.length;
  }

  /** Bytes that were written since it was last taken. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** What was written since the last time. */
  take(): Buffer {
    const header = this.#memory.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return header;
  }

  #reserve(bytes: number): void {
    const begun = this.#at - this.#start;
    if (this.#at + bytes <= this.#memory.length) return;
    const larger = Buffer.allocUnsafe(Math.max(SLAB_BYTES, (begun + bytes) * 2));
    this.#memory.copy(larger, 0, this.#start, this.#at);
    this.#memory = larger;
    this.#start = 0;
    this.#at = begun;
  }
}
