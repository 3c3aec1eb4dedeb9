/** The varint before each message of a delimited stream. */

export const TRUNCATED = -1;
export const OVERFLOW = -2;

/** The messages of the reference implementation. */
export const UNEXPECTED_EOF = 'unexpected EOF';
export const VARINT_OVERFLOW = 'proto: variable length integer overflow';

/** A varint of 64 bits has at most so many bytes. */
const MAX_VARINT_BYTES = 10;

export interface LengthPrefix {
  /** Of the message, in bytes. Above 2^53 not exact. Or TRUNCATED, or OVERFLOW. */
  readonly length: number;
  /** Where the message begins. */
  readonly next: number;
}

export function readLengthPrefix(bytes: Uint8Array, at: number): LengthPrefix {
  let length = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    if (at + i >= bytes.length) return { length: TRUNCATED, next: bytes.length };
    const byte = bytes[at + i];
    if (i === MAX_VARINT_BYTES - 1 && byte > 1) break;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { length, next: at + i + 1 };
  }
  return { length: OVERFLOW, next: at };
}
