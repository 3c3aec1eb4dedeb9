import { ByteWriter } from './byte-writer.ts';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** Writes the wire format of Protocol Buffers. Every field number that is used is below 16, so a tag is one byte. */
export class ProtobufBytes extends ByteWriter {
  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.length++] = rest;
  }

  uint64(field: number, value: number | bigint): void {
    this.byte((field << 3) | VARINT);
    if (typeof value === 'number') {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest));
  }

  double(field: number, value: number): void {
    this.reserve(9);
    this.buffer[this.length++] = (field << 3) | FIXED64;
    this.length = this.buffer.writeDoubleLE(value, this.length);
  }

  text(field: number, value: string): void {
    const at = this.open(field);
    this.string(value);
    this.close(at);
  }

  slice(field: number, from: Buffer, start: number, end: number): void {
    this.byte((field << 3) | BYTES);
    this.varint(end - start);
    this.copy(from, start, end);
  }

  /** Begins a message within the message. @returns what `close` needs */
  open(field: number): number {
    this.byte((field << 3) | BYTES);
    this.byte(0);
    return this.length;
  }

  /** Ends it: only now its length is known, for which there is room for one byte. */
  close(start: number): void {
    const bytes = this.length - start;
    let more = 0;
    for (let rest = bytes; rest >= 0x80; rest = Math.floor(rest / 0x80)) more++;
    if (more > 0) {
      this.reserve(more);
      this.buffer.copyWithin(start + more, start, this.length);
    }
    this.length = start - 1;
    this.varint(bytes);
    this.length += bytes;
  }
}
