import { KIB, MIB } from '../../units.ts';

/**
 * So much text is rendered in one go, about: a few bytes of a body may stand for much more with the labels of a group,
 * and places in it are numbers of 30 bits.
 */
export const MAX_RENDERED_BYTES = 256 * MIB;

const FIRST_BYTES = 16 * KIB;
/** A larger buffer is not kept: few texts need one. */
const MAX_KEPT_BYTES = 32 * MIB;

/** A buffer that grows: for text that is rendered, since it could not be taken as it stood. Kept from task to task. */
export class Scratch {
  bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;
  #view = viewOf(this.bytes);

  clear(): void {
    this.length = 0;
    if (this.bytes.length > MAX_KEPT_BYTES) this.#replace(Buffer.allocUnsafeSlow(FIRST_BYTES));
  }

  /** Makes room for `n` more bytes; needed before any of the other calls. */
  reserve(n: number): void {
    if (!this.hasRoom(n)) this.grow(n);
  }

  hasRoom(n: number): boolean {
    return this.length + n <= this.bytes.length;
  }

  /**
   * Makes room for `n` more bytes when there is none.
   *
   * @param expected length in the end; what is not used of it takes no memory
   */
  grow(n: number, expected = 0): void {
    const atOnce = Math.min(expected, MAX_RENDERED_BYTES);
    const grown = Buffer.allocUnsafeSlow(Math.max(this.length + n, this.bytes.length * 2, atOnce));
    this.bytes.copy(grown, 0, 0, this.length);
    this.#replace(grown);
  }

  byte(byte: number): void {
    this.bytes[this.length++] = byte;
  }

  /** Appends `source[start, end)`. A loop, because a call into the runtime costs more than it for a label or two. */
  copy(source: Uint8Array, start: number, end: number): void {
    const bytes = this.bytes;
    let to = this.length;
    for (let i = start; i < end; i++) bytes[to++] = source[i];
    this.length = to;
  }

  /**
   * Appends `source[start, end)`, which is UTF-8, eight bytes at a time: for runs of many labels, 12 ns for 75 bytes and
   * not 68 as `copy`. Bytes that a float64 may not keep, which are those of a NaN, do not follow each other in UTF-8.
   */
  copyRun(source: DataView, start: number, end: number): void {
    const view = this.#view;
    let to = this.length;
    this.length = to + end - start;
    let i = start;
    for (; i + 8 <= end; i += 8, to += 8) view.setFloat64(to, source.getFloat64(i, true), true);
    if (i < end && end - start >= 8) view.setFloat64(this.length - 8, source.getFloat64(end - 8, true), true);
    else for (; i < end; i++, to++) view.setUint8(to, source.getUint8(i));
  }

  append(source: Uint8Array): void {
    this.copy(source, 0, source.length);
  }

  #replace(bytes: Buffer<ArrayBuffer>): void {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
