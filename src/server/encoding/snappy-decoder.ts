import { Transform, type TransformCallback } from 'node:stream';
import { KIB, MIB } from '../../units.ts';
import { BytePages } from './byte-pages.ts';
import { EncodingError } from './encoding-error.ts';
import { blockLength, decodeBlock, notSnappy } from './snappy-block.ts';
import { IDENTIFIER, SnappyFrames } from './snappy-frames.ts';

/** A body in block format has to be held whole, compressed and decoded. */
export const MAX_BLOCK_BYTES = 64 * MIB;
const OUTPUT_BYTES = 64 * KIB;

export interface SnappyOptions {
  /** Bound for the decoded body in block format, if it is to be less than 64 MiB. */
  readonly maxBlockBytes?: number | undefined;
  /** Told of what is held of a body in block format; what it returns is waited for. */
  readonly hold?: ((bytes: number) => Promise<void> | undefined) | undefined;
}

/**
 * Decodes snappy in its framing format, as a stream, or in its block format, as a whole at the end. The first bytes
 * say which it is.
 */
export class SnappyDecoder extends Transform {
  readonly #maxBlockBytes: number;
  readonly #hold: SnappyOptions['hold'];
  /** A body in block format, or the first bytes of one in frames. */
  readonly #block = new BytePages();
  #frames: SnappyFrames | undefined;

  constructor({ maxBlockBytes = MAX_BLOCK_BYTES, hold }: SnappyOptions = {}) {
    super();
    this.#maxBlockBytes = Math.min(maxBlockBytes, MAX_BLOCK_BYTES);
    this.#hold = hold;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, callback: TransformCallback): void {
    let wait: Promise<void> | undefined;
    try {
      if (this.#frames === undefined) wait = this.#begin(chunk);
      else this.#frames.write(chunk);
    } catch (error) {
      callback(error as Error);
      return;
    }
    if (wait === undefined) callback();
    else wait.then(() => callback(), callback);
  }

  override _flush(callback: TransformCallback): void {
    try {
      if (this.#frames === undefined) this.#decodeBlock();
      else this.#frames.end();
    } catch (error) {
      callback(error as Error);
      return;
    }
    callback();
  }

  #begin(chunk: Buffer): Promise<void> | undefined {
    const isFirst = this.#block.length < IDENTIFIER.length;
    this.#block.add(chunk);
    if (isFirst && this.#block.head(IDENTIFIER.length).equals(IDENTIFIER)) {
      this.#frames = new SnappyFrames((data) => this.push(data));
      this.#frames.write(this.#block.take());
      return undefined;
    }
    // What cannot be compressed becomes a little longer: this is the bound of the format.
    const max = 32 + this.#maxBlockBytes + Math.floor(this.#maxBlockBytes / 6);
    if (this.#block.length > max) throw this.#tooLarge();
    return this.#hold?.(chunk.length);
  }

  #decodeBlock(): void {
    const compressed = this.#block.take();
    const length = blockLength(compressed);
    if (length === undefined) {
      throw notSnappy('it begins neither as a stream of frames nor as a block');
    }
    if (length > this.#maxBlockBytes) throw this.#tooLarge();
    const data = decodeBlock(compressed, length);
    for (let at = 0; at < data.length; at += OUTPUT_BYTES) this.push(data.subarray(at, at + OUTPUT_BYTES));
  }

  #tooLarge(): EncodingError {
    const limit = `${this.#maxBlockBytes} bytes`;
    return new EncodingError(
      `a body in snappy's block format is decoded whole and may have at most ${limit}: send frames, or gzip`,
      'ERR_BODY_TOO_LARGE',
    );
  }
}
