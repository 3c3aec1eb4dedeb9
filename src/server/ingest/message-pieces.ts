import { Transform, type TransformCallback } from 'node:stream';
import { MIB } from '../../units.ts';
import {
  OVERFLOW,
  readLengthPrefix,
  TRUNCATED,
  UNEXPECTED_EOF,
  VARINT_OVERFLOW,
} from '../../workers/exposition/protobuf/length-prefix.ts';
import { RequestError } from '../errors.ts';
import type { BodyPiece } from './body-piece.ts';
import { PieceBuffer } from './piece-buffer.ts';

/** A message is a metric family, and is converted in one go. */
const MAX_MESSAGE_BYTES = 16 * MIB;

/**
 * Takes the bytes of a body of delimited protobuf messages, gives pieces of whole ones. The same body makes the same
 * pieces, however its bytes arrive. It does not fail: what is wrong with the body is the problem of its last piece.
 *
 * @param targetBytes how large a piece should be just now: it ends with the message that makes it so large
 */
export function messagePieces(targetBytes: () => number): Transform {
  const cutter = new MessageCutter(targetBytes);
  return new Transform({
    readableObjectMode: true,
    readableHighWaterMark: 1,
    transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback) {
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

class MessageCutter {
  readonly #targetBytes: () => number;
  readonly #buffer = new PieceBuffer();
  #target: number;
  /** End of the last message that is known to be whole, and of the one after it if its length is known. */
  #whole = 0;
  #next = 0;
  #hasEnded = false;

  constructor(targetBytes: () => number) {
    this.#targetBytes = targetBytes;
    this.#target = targetBytes();
  }

  *add(chunk: Buffer): Generator<BodyPiece> {
    if (this.#hasEnded) return;
    this.#buffer.append(chunk);
    for (;;) {
      if (this.#next === this.#whole) {
        const { length, next } = readLengthPrefix(this.#buffer.bytes, this.#whole);
        if (length === TRUNCATED) return;
        if (length === OVERFLOW) {
          yield this.#lastPiece(new RequestError('ERR_BAD_BODY', VARINT_OVERFLOW));
          return;
        }
        if (length > MAX_MESSAGE_BYTES) {
          const limit = `a message of the body is longer than ${MAX_MESSAGE_BYTES} bytes`;
          const advice = 'send the metric family in several messages, or as text';
          yield this.#lastPiece(new RequestError('ERR_MESSAGE_TOO_LONG', `${limit}: ${advice}`));
          return;
        }
        this.#next = next + length;
      }
      if (this.#next > this.#buffer.length) return;
      this.#whole = this.#next;
      if (this.#whole >= this.#target) yield this.#cut();
    }
  }

  end(): BodyPiece | undefined {
    if (this.#hasEnded || this.#buffer.length === 0) return undefined;
    const isWhole = this.#whole === this.#buffer.length;
    return this.#lastPiece(isWhole ? undefined : new RequestError('ERR_BAD_BODY', UNEXPECTED_EOF));
  }

  #lastPiece(problem: RequestError | undefined): BodyPiece {
    this.#hasEnded = true;
    return { ...this.#cut(), ...(problem && { problem }) };
  }

  #cut(): BodyPiece {
    const text = this.#buffer.take(this.#whole);
    this.#whole = 0;
    this.#next = 0;
    this.#target = this.#targetBytes();
    return { text, declared: undefined };
  }
}
