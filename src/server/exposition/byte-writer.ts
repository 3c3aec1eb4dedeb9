import { KIB } from '../../units.ts';

const FIRST_BYTES = 64 * KIB;

/** Bytes that are written one after another, into a buffer that grows as needed and is used again. */
export class ByteWriter {
  buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;

  /** Makes room for so many more bytes. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  byte(byte: number): void {
    if (this.length === this.buffer.length) this.reserve(1);
    this.buffer[this.length++] = byte;
  }

  copy(from: Buffer, start: number, end: number): void {
    const bytes = end - start;
    this.reserve(bytes);
    const { buffer, length } = this;
    // Calling into the runtime costs more than copying a few bytes.
    if (bytes < 32) for (let i = 0; i < bytes; i++) buffer[length + i] = from[start + i];
    else from.copy(buffer, length, start, end);
    this.length += bytes;
  }

  string(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.buffer.write(text, this.length);
  }

  /** A copy of what has been written; then it is empty again. */
  take(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.length));
    this.length = 0;
    return bytes;
  }
}
