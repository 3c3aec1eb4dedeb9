import { KIB } from '../../units.ts';
import { BytePool } from '../byte-pool.ts';
import type { Call } from '../commands.ts';

/** A call carries 256 KiB of blocks, of which the last may be as large again; smaller ones are not worth a piece. */
const PIECE_BYTES = 576 * KIB;
const SMALL_BYTES = 16 * KIB;
/** What one round trip of a task takes, twice: 4 MiB each. */
const MOST_PIECES = 16;
/** A longer text is written as a whole. */
const SHORT_TEXT = 128;
const ARRAY = '*'.charCodeAt(0);
const BULK = '$'.charCodeAt(0);
const RETURN = 0x0d;
const LINE_END = 0x0a;
/** Length and line ends around an argument, as digits for 2^32. */
const FRAME_BYTES = 16;

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function callPool(): BytePool {
  return new BytePool(PIECE_BYTES, MOST_PIECES);
}

/** Name and arguments of a command, in parts that are not joined first: there may be thousands. */
type Parts = ReadonlyArray<ReadonlyArray<string | number | Buffer>>;

/**
 * One command as Redis reads it (https://redis.io/docs/latest/develop/reference/protocol-spec/, arrays of bulk strings),
 * in one piece of memory. The library would make a new one for each, and copy what is in it twice.
 */
export class PackedCall {
  readonly #pool: BytePool;
  readonly #memory: Buffer | undefined;
  readonly bytes: Buffer;

  /** @param parts its name and arguments */
  constructor(pool: BytePool, ...parts: Parts) {
    this.#pool = pool;
    const most = mostBytes(parts);
    this.#memory = most > SMALL_BYTES ? pool.take(most) : undefined;
    const target = this.#memory ?? Buffer.allocUnsafe(most);
    this.bytes = target.subarray(0, pack(parts, target));
  }

  /**
   * A run of a script.
   * @param sha of the script, or its whole text if the server may not know it
   * @param first arguments before those of the call
   */
  static run(
    pool: BytePool,
    script: { readonly sha: string } | { readonly text: string },
    { keys, args }: Call,
    first: readonly number[],
  ): PackedCall {
    const head = 'sha' in script ? ['EVALSHA', script.sha] : ['EVAL', script.text];
    return new PackedCall(pool, head, [keys.length], keys, first, args);
  }

  /** Redis has read all of it. What may still be on its way is left to the collector. */
  release(): void {
    if (this.#memory !== undefined) this.#pool.give(this.#memory);
  }
}

function mostBytes(parts: Parts): number {
  let most = FRAME_BYTES;
  // Not for … of, here and below: iterators were a seventh of all garbage of small pushes.
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const arg = part[i];
      if (typeof arg === 'number') most += FRAME_BYTES + 24;
      else most += FRAME_BYTES + (typeof arg === 'string' ? arg.length * 3 : arg.length);
    }
  }
  return most;
}

/**
 * Byte by byte: a small push has over a thousand arguments of a few bytes. To join them to texts and have those written
 * takes half as long again, and leaves the texts to the collector.
 * @returns how many bytes it takes
 */
function pack(parts: Parts, target: Buffer): number {
  let count = 0;
  for (const part of parts) count += part.length;
  let at = writeLength(target, 0, ARRAY, count);
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const arg = part[i];
      if (typeof arg === 'object') {
        at = writeLength(target, at, BULK, arg.length);
        target.set(arg, at);
        at += arg.length;
      } else {
        at = writeText(target, at, typeof arg === 'string' ? arg : String(arg));
      }
      target[at++] = RETURN;
      target[at++] = LINE_END;
    }
  }
  return at;
}

function writeText(target: Buffer, start: number, text: string): number {
  const { length } = text;
  if (length <= SHORT_TEXT) {
    let at = writeLength(target, start, BULK, length);
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      target[at++] = code;
    }
    if (i === length) return at;
  }
  const at = writeLength(target, start, BULK, Buffer.byteLength(text));
  return at + target.write(text, at);
}

/** Type, number and line end. */
function writeLength(target: Buffer, start: number, type: number, length: number): number {
  let at = start;
  target[at++] = type;
  let unit = 1;
  while (unit * 10 <= length) unit *= 10;
  for (; unit >= 1; unit /= 10) target[at++] = 0x30 + (Math.floor(length / unit) % 10);
  target[at++] = RETURN;
  target[at++] = LINE_END;
  return at;
}
