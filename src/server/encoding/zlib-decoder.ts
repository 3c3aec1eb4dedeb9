import { Transform, type TransformCallback } from 'node:stream';
import { notWhole } from './encoding-error.ts';

/** A stream of node:zlib. */
export type ZlibStream = Transform & { readonly bytesWritten: number };

export interface ZlibDecoderOptions {
  /** For messages. */
  readonly encoding: string;
  /** Called when the first bytes are there, two if there are so many. */
  make(head: Buffer): ZlibStream;
  /** What comes after the end begins anew, if Node's decoder does not see to that. */
  readonly repeats?: boolean;
}

/**
 * One of Node's decoders, with two differences. It may depend on the first bytes. And bytes after the end are an error:
 * Node's ends its output there and never asks for more, at which the sender would wait for ever.
 */
export class ZlibDecoder extends Transform {
  readonly #options: ZlibDecoderOptions;
  #inner: ZlibStream | undefined;
  /** What the inner one is at, or the first bytes while there are not enough. */
  #input: Buffer = Buffer.alloc(0);
  /** What the inner one had taken before. */
  #inputFrom = 0;
  #onInput: TransformCallback = () => {};
  #onEnd: TransformCallback | undefined;

  constructor(options: ZlibDecoderOptions) {
    super();
    this.#options = options;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, callback: TransformCallback): void {
    this.#onInput = callback;
    if (this.#inner !== undefined) this.#write(this.#inner, chunk);
    else {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
      if (this.#input.length < 2) callback();
      else this.#write(this.#begin(this.#input), this.#input);
    }
  }

  override _flush(callback: TransformCallback): void {
    this.#onEnd = callback;
    if (this.#inner !== undefined) this.#inner.end();
    else if (this.#input.length > 0) this.#begin(this.#input).end(this.#input);
    else callback(this.#error('there is nothing'));
  }

  override _read(size: number): void {
    this.#inner?.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#inner?.destroy();
    callback(error);
  }

  #begin(head: Buffer): ZlibStream {
    const inner = this.#options.make(head);
    this.#inner = inner;
    inner.on('data', (data) => {
      if (!this.push(data)) inner.pause();
    });
    inner.on('end', () => this.#onInnerEnd(inner));
    inner.on('error', (error) => this.destroy(this.#error(error.message, error)));
    return inner;
  }

  #write(inner: ZlibStream, input: Buffer): void {
    this.#input = input;
    this.#inputFrom = inner.bytesWritten;
    // An error comes by its event, and so does an end before the end of the input.
    inner.write(input, (error) => {
      if (!error && this.#taken(inner) === input.length) this.#onInput();
    });
  }

  #taken(inner: ZlibStream): number {
    return inner.bytesWritten - this.#inputFrom;
  }

  #onInnerEnd(inner: ZlibStream): void {
    if (this.#onEnd !== undefined) {
      this.#onEnd();
      return;
    }
    const rest = this.#input.subarray(this.#taken(inner));
    if (this.#options.repeats && rest.length > 0) this.#write(this.#begin(rest), rest);
    else this.destroy(this.#error('there are bytes after its end'));
  }

  #error(detail: string, cause?: Error): Error {
    return notWhole(this.#options.encoding, detail, cause && { cause });
  }
}
