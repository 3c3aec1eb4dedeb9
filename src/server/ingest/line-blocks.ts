import type { Transform, TransformCallback } from 'node:stream';
import split from 'split2';
import { KIB, MIB } from '../../units.ts';
import { NEWLINE } from '../../workers/exposition/character-classes.ts';
import { contentEnd } from '../../workers/exposition/comment-line.ts';
import {
  CUT_BOUNDARY,
  CUT_DOUBTFUL,
  CUT_ENTRY,
  CUT_NEVER,
  CutFinder,
} from '../../workers/exposition/cut-finder.ts';
import type { SeriesHash } from '../../workers/identity.ts';
import type { DeclaredTypes } from '../../workers/messages.ts';
import type { DeclaredTypesLog } from './declared-types.ts';

/** A boundary is looked for so far beyond the target; then another place has to do. */
const OVERRUN_BYTES = 512 * KIB;

/** So many more bytes are awaited between two looks for a boundary, since each makes the whole block contiguous. */
const LOOK_BYTES = 64 * KIB;

/** Larger targets count as this. */
const MAX_TARGET_BYTES = 8 * MIB;

/** A string of more pieces, of a body that comes in drops, would be larger than what it holds. */
const MAX_PIECES = 4096;

export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
  readonly code = 'ERR_LINE_TOO_LONG';

  constructor(maxLineBytes: number) {
    super(`a line is longer than ${maxLineBytes} bytes (--ingest.max-line-bytes)`);
  }
}

/** Whole lines of a body, and the types that it has declared up to their end. */
export interface LineBlock {
  /** Of its own, not a piece of a pool: it can be moved to a thread. */
  readonly text: ArrayBuffer;
  readonly declared: DeclaredTypes | undefined;
}

export interface LineBlocksOptions {
  readonly maxLineBytes: number;
  /** How large a block should be just now; it gets somewhat larger. Asked once for each block. */
  readonly targetBytes: () => number;
  readonly secretHash: SeriesHash;
  /** Of this body. It is kept up to date with what has been cut. */
  readonly declared: DeclaredTypesLog;
}

/**
 * Takes the bytes of a body, gives LineBlocks. The same body makes the same blocks, however its bytes arrive. It fails
 * with LineTooLongError and DeclaredTypesError.
 *
 * split2 works on strings, so the bytes travel through it as latin1, which keeps each of them; its matcher may cut
 * blocks as well as lines, which is several times cheaper. Every byte is copied three times by memcpy and passes through
 * V8's heap twice: with the looking around each cut this makes 600 MB/s on Node 20.
 */
export function lineBlocks(options: LineBlocksOptions): Transform {
  const { maxLineBytes } = options;
  const cutter = new BlockCutter(options);
  const lengths = new LineLengths(maxLineBytes);
  const stream = split(
    // Its pieces are blocks, but the last, which is what split2 keeps, is a string.
    cutter as unknown as split.Matcher,
    (piece: LineBlock | string) => (typeof piece === 'string' ? cutter.lastBlock(piece) : piece),
    {
      maxLength: MAX_TARGET_BYTES + OVERRUN_BYTES + LOOK_BYTES + maxLineBytes,
      skipOverflow: false,
      writableHighWaterMark: LOOK_BYTES,
      readableHighWaterMark: 1,
    } as split.Options,
  );
  const transform = stream._transform.bind(stream);
  const flush = stream._flush.bind(stream);

  stream._transform = (chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback) => {
    try {
      lengths.add(chunk);
      transform(chunk.toString('latin1'), 'latin1', callback);
    } catch (error) {
      callback(error as Error);
    }
  };
  stream._flush = (callback: TransformCallback) => {
    try {
      cutter.end();
      transform('', 'latin1', (error) => (error ? callback(error) : flush(callback)));
    } catch (error) {
      callback(error as Error);
    }
  };
  return stream;
}

/** Splits a text that grows at its end into blocks. */
class BlockCutter {
  readonly #targetBytes: () => number;
  readonly #declared: DeclaredTypesLog;
  readonly #finder: CutFinder;
  #target = 0;
  /** The text is looked at when it is this long. */
  #nextLook = 0;
  /** Start of the first line that has not been looked at. */
  #looked = 0;
  /** The last place of each worth, or 0. */
  #places = [0, 0, 0];
  #pieces = 0;
  #ended = false;

  constructor({ targetBytes, secretHash, declared }: LineBlocksOptions) {
    this.#targetBytes = targetBytes;
    this.#declared = declared;
    this.#finder = new CutFinder(secretHash, declared);
    this.#begin();
  }

  /** No more text will come: every boundary counts now. */
  end(): void {
    this.#ended = true;
  }

  [Symbol.split](text: string): Array<LineBlock | string> {
    const pieces: Array<LineBlock | string> = [];
    let rest = text;
    while (this.#ended || rest.length >= this.#nextLook) {
      const cut = rest.length > this.#target ? this.#findCut(rest) : 0;
      if (cut === 0) {
        this.#nextLook = rest.length + LOOK_BYTES;
        break;
      }
      pieces.push({ text: toBytes(rest.slice(0, cut)), declared: this.#declared.snapshot() });
      rest = rest.slice(cut);
      this.#begin();
    }
    if (++this.#pieces % MAX_PIECES === 0) rest = Buffer.from(rest, 'latin1').toString('latin1');
    pieces.push(rest);
    return pieces;
  }

  lastBlock(text: string): LineBlock {
    const bytes = toBytes(text);
    this.#declared.add(Buffer.from(bytes).subarray(this.#looked));
    return { text: bytes, declared: this.#declared.snapshot() };
  }

  #begin(): void {
    this.#target = Math.min(this.#targetBytes(), MAX_TARGET_BYTES);
    this.#nextLook = this.#target + LOOK_BYTES;
    this.#looked = 0;
    this.#places.fill(0);
    this.#finder.reset();
  }

  /** Where the block ends, or 0 if that cannot be told yet. */
  #findCut(text: string): number {
    if (this.#looked === 0) {
      this.#looked = text.lastIndexOf('\n', this.#target) + 1;
      const passed = text.slice(0, this.#looked);
      if (passed.includes('TYPE')) this.#declared.add(Buffer.from(passed, 'latin1'));
    }
    const from = this.#looked;
    const bytes = Buffer.from(text.slice(from), 'latin1');
    let line = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, line);
      if (newline < 0) break;
      const place = from + line;
      const worth = this.#finder.look(bytes, line, contentEnd(bytes, line, newline));
      if (worth === CUT_BOUNDARY) return place;
      this.#places[worth] = place;
      if (place > this.#target + OVERRUN_BYTES) return this.#secondBest();
      line = newline + 1;
    }
    this.#looked = from + line;
    return 0;
  }

  #secondBest(): number {
    return this.#places[CUT_ENTRY] || this.#places[CUT_DOUBTFUL] || this.#places[CUT_NEVER];
  }
}

/** Sees to it that no line is too long, without looking at each. */
export class LineLengths {
  readonly #max: number;
  /** Bytes of the line that has not ended yet. */
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws LineTooLongError */
  add(chunk: Buffer): void {
    let start = -this.#open;
    while (chunk.length - start > this.#max) {
      const newline = chunk.lastIndexOf(NEWLINE, start + this.#max);
      if (newline < Math.max(start, 0)) throw new LineTooLongError(this.#max);
      start = newline + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    this.#open = chunk.length - (last < 0 ? start : last + 1);
  }
}

function toBytes(text: string): ArrayBuffer {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, 'latin1');
  return bytes.buffer;
}
