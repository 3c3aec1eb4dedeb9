import { Transform, type TransformCallback } from 'node:stream';
import { notWhole } from './encoding-error.ts';

/** Made when the first bytes are there, two if there are so many. */
export type MakeDecoder = (head: Buffer) => Transform;

/**
 * One of Node's decoders, with two differences. It may depend on the first bytes. And bytes after the end are an error:
 * Node's ends its output there and never asks for more, at which the sender would wait for ever.
 */
export class ZlibDecoder extends Transform {
  readonly #encoding: string;
  readonly #make: MakeDecoder;
  #head: Buffer | undefined;
  #inner: Transform | undefined;
  #onEnd: TransformCallback | undefined;

  constructor(encoding: string, make: MakeDecoder) {
    super();
    this.#encoding = encoding;
    this.#make = make;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, callback: TransformCallback): void {
    if (this.#inner === undefined) {
      this.#head = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
      if (this.#head.length < 2) callback();
      else this.#start(this.#head).write(this.#head, () => callback());
      return;
    }
    // An error comes by its event.
    this.#inner.write(chunk, () => callback());
  }

  override _flush(callback: TransformCallback): void {
    this.#onEnd = callback;
    if (this.#inner !== undefined) this.#inner.end();
    else if (this.#head !== undefined) this.#start(this.#head).end(this.#head);
    else callback(notWhole(this.#encoding, 'there is nothing'));
  }

  override _read(size: number): void {
    this.#inner?.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#inner?.destroy();
    callback(error);
  }

  #start(head: Buffer): Transform {
    const inner = this.#make(head);
    this.#inner = inner;
    inner.on('data', (data) => {
      if (!this.push(data)) inner.pause();
    });
    inner.on('end', () => {
      if (this.#onEnd !== undefined) this.#onEnd();
      else this.destroy(notWhole(this.#encoding, 'there are bytes after its end'));
    });
    inner.on('error', (error) => this.destroy(notWhole(this.#encoding, error.message, { cause: error })));
    return inner;
  }
}
