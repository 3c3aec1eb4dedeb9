import { type EncodingError, notWhole } from './encoding-error.ts';

/** No element makes more of its bytes: 64 of 3. */
const MAX_RATIO = 22;
/** Below this, a loop is faster than a call. */
const CALL_BYTES = 16;

export function notSnappy(detail: string): EncodingError {
  return notWhole('snappy', detail);
}

/** The length of a block when it is decoded. Undefined: it does not begin as a block, or cannot be so long. */
export function blockLength(block: Buffer): number | undefined {
  const { value, end } = varint(block);
  return end === undefined || value > block.length * MAX_RATIO ? undefined : value;
}

/**
 * Decodes snappy's block format: https://github.com/google/snappy/blob/main/format_description.txt. Our own, as
 * snappyjs 0.7.0 trusts its input: a negative length makes it go round for ever, and it takes a block that ends early.
 */
export function decodeBlock(block: Buffer, maxBytes: number): Buffer {
  const length = blockLength(block);
  if (length === undefined || length > maxBytes) throw notSnappy('a block with a length that it cannot have');
  const output = Buffer.allocUnsafeSlow(length);
  let from = varint(block).end as number;
  let to = 0;
  while (from < block.length) {
    const tag = block[from++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >>> 2;
      if (count >= 60) {
        const bytes = count - 59;
        if (from + bytes > block.length) throw cutOff();
        count = block.readUIntLE(from, bytes);
        from += bytes;
      }
      count += 1;
      if (from + count > block.length) throw cutOff();
      if (to + count > length) throw tooLong();
      if (count >= CALL_BYTES) block.copy(output, to, from, from + count);
      else for (let i = 0; i < count; i++) output[to + i] = block[from + i] as number;
      from += count;
      to += count;
      continue;
    }
    const bytes = kind === 3 ? 4 : kind;
    if (from + bytes > block.length) throw cutOff();
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const low = kind === 3 ? block.readUInt32LE(from) : kind === 2 ? block.readUInt16LE(from) : block[from];
    const offset = kind === 1 ? ((tag >>> 5) << 8) + (low as number) : (low as number);
    from += bytes;
    if (offset === 0 || offset > to) throw notSnappy('a copy of what is not there');
    if (to + count > length) throw tooLong();
    // What is copied may overlap with where it goes: then it repeats itself.
    if (offset >= count && count >= CALL_BYTES) output.copyWithin(to, to - offset, to - offset + count);
    else for (let i = 0; i < count; i++) output[to + i] = output[to - offset + i] as number;
    to += count;
  }
  if (to < length) throw cutOff();
  return output;
}

function varint(block: Buffer): { value: number; end: number | undefined } {
  let value = 0;
  for (let i = 0; i < Math.min(block.length, 5); i++) {
    const byte = block[i] as number;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: i + 1 };
  }
  return { value, end: undefined };
}

function cutOff(): EncodingError {
  return notSnappy('unexpected end of a block');
}

function tooLong(): EncodingError {
  return notSnappy('a block is longer than it says');
}
