import { Transform, type TransformCallback } from 'node:stream';
import { MIB } from '../../units.ts';
import { NEWLINE } from '../../workers/exposition/character-classes.ts';
import { MetadataLine } from '../../workers/exposition/openmetrics/metadata-line.ts';
import { RequestError } from '../errors.ts';
import type { BodyPiece } from './body-piece.ts';
import { LineLengths } from './line-blocks.ts';
import { PieceBuffer } from './piece-buffer.ts';
import { PieceText } from './piece-text.ts';

/** OpenMetrics can be checked by whole families only. */
const MAX_FAMILY_BYTES = 16 * MIB;

const METADATA_START = Buffer.from('\n# ');
const EOF_LINE = Buffer.from('\n# EOF\n');

export interface FamilyPiecesOptions {
  readonly maxLineBytes: number;
  /** How large a piece should be just now: it ends where the next family begins. */
  readonly targetBytes: () => number;
}

/**
 * Takes the bytes of a body in OpenMetrics, gives pieces of whole families. The same body makes the same pieces, however
 * its bytes arrive. It fails with LineTooLongError; what else is wrong is the problem of the last piece.
 */
export function familyPieces({ maxLineBytes, targetBytes }: FamilyPiecesOptions): Transform {
  const cutter = new FamilyCutter(targetBytes);
  const lengths = new LineLengths(maxLineBytes);
  return new Transform({
    readableObjectMode: true,
    readableHighWaterMark: 1,
    transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback) {
      try {
        lengths.add(chunk);
      } catch (error) {
        callback(error as Error);
        return;
      }
      for (const piece of cutter.add(chunk)) this.push(piece);
      callback();
    },
    flush(callback: TransformCallback) {
      const piece = cutter.end();
      if (piece !== undefined) this.push(piece);
      callback();
    },
  });
}

class FamilyCutter {
  readonly #targetBytes: () => number;
  readonly #buffer = new PieceBuffer();
  readonly #metadata = new MetadataLine();
  #target: number;
  /** From here on nothing has been looked at. */
  #looked: number;
  #hasEnded = false;

  constructor(targetBytes: () => number) {
    this.#targetBytes = targetBytes;
    this.#target = targetBytes();
    this.#looked = this.#target;
  }

  *add(chunk: Buffer): Generator<BodyPiece> {
    if (this.#hasEnded) return;
    this.#buffer.append(chunk);
    for (;;) {
      const at = this.#findCut();
      // Whatever the chunks were: the family is too long where its end would have been found.
      if ((at === 0 ? this.#buffer.length : at) > this.#target + MAX_FAMILY_BYTES) {
        this.#hasEnded = true;
        yield { text: new PieceText([]), declared: undefined, problem: familyTooLong() };
        return;
      }
      if (at === 0) return;
      yield this.#cut(at);
      if (this.#hasEnded) return;
    }
  }

  end(): BodyPiece | undefined {
    if (this.#hasEnded || this.#buffer.length === 0) return undefined;
    return { text: this.#buffer.take(this.#buffer.length), declared: undefined, last: true };
  }

  #cut(at: number): BodyPiece {
    const bytes = this.#buffer.bytes;
    const eof = bytes.indexOf(EOF_LINE);
    const goesOn = (eof >= 0 && eof < at) || bytes.indexOf(EOF_LINE.subarray(1)) === 0;
    this.#hasEnded = goesOn;
    const text = this.#buffer.take(at);
    this.#target = this.#targetBytes();
    this.#looked = this.#target;
    const problem = goesOn && new RequestError('ERR_BAD_BODY', 'the body goes on after # EOF');
    return { text, declared: undefined, ...(problem && { problem }) };
  }

  /** Where the next family begins beyond the target, or 0 if that cannot be told yet. */
  #findCut(): number {
    const bytes = this.#buffer.bytes;
    while (this.#looked < bytes.length) {
      const found = bytes.indexOf(METADATA_START, this.#looked);
      if (found < 0) {
        this.#looked = Math.max(this.#looked, bytes.length - METADATA_START.length + 1);
        return 0;
      }
      const end = bytes.indexOf(NEWLINE, found + 1);
      if (end < 0) return 0;
      if (this.#beginsFamily(bytes, found, end)) return found + 1;
      this.#looked = end;
    }
    return 0;
  }

  /** Whether the metadata in the line after `newline` is not of the family of the line before. */
  #beginsFamily(bytes: Buffer, newline: number, end: number): boolean {
    const before = newline === 0 ? 0 : bytes.lastIndexOf(NEWLINE, newline - 1) + 1;
    const name = this.#nameIn(bytes, newline + 1, end);
    if (name === undefined) return false;
    return this.#nameIn(bytes, before, newline) !== name;
  }

  #nameIn(bytes: Buffer, start: number, end: number): string | undefined {
    const metadata = this.#metadata;
    return metadata.scan(bytes, start, end) && metadata.keyword !== 'EOF' ? metadata.name : undefined;
  }
}

function familyTooLong(): RequestError {
  const limit = `a metric family of the body is longer than ${MAX_FAMILY_BYTES} bytes of OpenMetrics`;
  return new RequestError('ERR_FAMILY_TOO_LONG', `${limit}: the text format has no such limit`);
}
