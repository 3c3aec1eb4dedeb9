import { KIB } from '../../units.ts';
import { writeAscii } from '../ascii.ts';
import { BytePool } from '../byte-pool.ts';
import { CallKeys } from '../call-keys.ts';
import type { Call, Draft } from '../commands.ts';
import { writeJoined } from './joined-text.ts';
import { writeLengthLine } from './length-line.ts';

/** A call carries 256 KiB of blocks, of which the last may be as large again; smaller ones are not worth a piece. */
const PIECE_BYTES = 576 * KIB;
const SMALL_BYTES = 16 * KIB;
/** What one round trip of a task takes, twice: nine calls each, as a round has at the most (see batches.ts). */
const MOST_PIECES = 18;
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
type Parts = ReadonlyArray<ReadonlyArray<string | number | Buffer> | CallKeys>;

/** The arguments of a call that stand before its own, and how its script is named. */
export interface ScriptRun {
  /** Its hash, or the whole text if the server may not know it. */
  readonly script: { readonly sha: string } | { readonly text: string };
  readonly call: Call;
  readonly first: readonly number[];
}

/**
 * Commands as Redis reads them (https://redis.io/docs/latest/develop/reference/protocol-spec/, arrays of bulk strings),
 * in one piece of memory. The library would make a new one for each, and copy what is in it twice.
 */
export class PackedCall {
  readonly #pool: BytePool;
  readonly #memory: Buffer | undefined;
  readonly bytes: Buffer;
  readonly commands: number;

  constructor(pool: BytePool, ...commands: readonly Parts[]) {
    this.#pool = pool;
    this.commands = commands.length;
    const most = commands.reduce((sum, parts) => sum + mostBytes(parts), 0);
    this.#memory = most > SMALL_BYTES ? pool.take(most) : undefined;
    const target = this.#memory ?? Buffer.allocUnsafe(most);
    let end = 0;
    for (const parts of commands) end = pack(parts, target, end);
    this.bytes = target.subarray(0, end);
  }

  static run(pool: BytePool, run: ScriptRun): PackedCall {
    return new PackedCall(pool, runOf(run));
  }

  /** A call whose values come apart. @param keep text of the script that ends the transaction */
  static transaction(pool: BytePool, run: ScriptRun, drafts: readonly Draft[], keep: string): PackedCall {
    return new PackedCall(
      pool,
      [['MULTI']],
      runOf(run),
      ...drafts.map(({ draft, fields }) => [['HSET', draft], fields]),
      [['EVAL', keep, drafts.length * 2], drafts.flatMap(({ draft, hash }) => [draft, hash])],
      [['EXEC']],
    );
  }

  /** Redis has read all of it. What may still be on its way is left to the collector. */
  release(): void {
    if (this.#memory !== undefined) this.#pool.give(this.#memory);
  }
}

function runOf({ script, call: { keys, args }, first }: ScriptRun): Parts {
  const head = 'sha' in script ? ['EVALSHA', script.sha] : ['EVAL', script.text];
  return [head, [keys.length], keys, first, args];
}

function mostBytes(parts: Parts): number {
  let most = FRAME_BYTES;
  // Not for … of, here and below: iterators were a seventh of all garbage of small pushes.
  for (const part of parts) {
    if (part instanceof CallKeys) {
      const { heads, tails } = part;
      for (let i = 0; i < heads.length; i++) most += FRAME_BYTES + (heads[i].length + tails[i].length) * 3;
      continue;
    }
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
 * @returns where it ends
 */
function pack(parts: Parts, target: Buffer, start: number): number {
  let count = 0;
  for (const part of parts) count += part.length;
  let at = writeLengthLine(target, start, ARRAY, count);
  for (const part of parts) {
    if (part instanceof CallKeys) {
      const { heads, tails } = part;
      for (let i = 0; i < heads.length; i++) at = writeJoined(target, at, heads[i], tails[i]);
      continue;
    }
    for (let i = 0; i < part.length; i++) {
      const arg = part[i];
      if (typeof arg === 'object') {
        at = writeLengthLine(target, at, BULK, arg.length);
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
  if (text.length <= SHORT_TEXT) {
    const end = writeAscii(target, writeLengthLine(target, start, BULK, text.length), text);
    if (end >= 0) return end;
  }
  const at = writeLengthLine(target, start, BULK, Buffer.byteLength(text));
  return at + target.write(text, at);
}
