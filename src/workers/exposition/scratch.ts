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

  clear(): void {
    this.length = 0;
    if (this.bytes.length > MAX_KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Makes room for `n` more bytes; needed before any of the other calls. */
  reserve(n: number): void {
    const needed = this.length + n;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
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

  append(source: Uint8Array): void {
    this.copy(source, 0, source.length);
  }
}
