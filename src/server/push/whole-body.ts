import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KIB } from '../../units.ts';
import { noteGarbage } from '../chunk-garbage.ts';
import { BytePages } from '../encoding/byte-pages.ts';
import { createDecoder, encodingProblem } from '../encoding/decoder.ts';
import { MAX_BLOCK_BYTES } from '../encoding/snappy-decoder.ts';
import { RequestError } from '../errors.ts';
import type { ContentEncoding } from '../middleware/content-encoding.ts';
import { type ByteBudget, ByteShare } from './byte-budget.ts';

/** Encoded, a body may be this much longer than decoded, more than any encoding makes of it. */
const ENCODED_SLACK_BYTES = 64 * KIB;

export interface WholeBodyOptions {
  readonly encoding: ContentEncoding;
  /** Of the decoded body. */
  readonly maxBytes: number;
  /** A budget is given back what the body took of it when this is done; a share is the caller's to release. */
  readonly budget: ByteBudget | ByteShare;
  /** What the sender says, to refuse the body before it comes. */
  readonly contentLength?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The body, decoded, in memory of its own, which can be moved to a worker. Rejects with ERR_BODY_TOO_LARGE, ERR_BAD_BODY,
 * the error of the source, or the reason of the signal. In any case the source is at its end, or destroyed.
 */
export async function collectBody(source: Readable, options: WholeBodyOptions): Promise<ArrayBuffer> {
  const { encoding, maxBytes, budget, contentLength = 0 } = options;
  if (encoding === 'identity' && contentLength > maxBytes) {
    source.destroy();
    throw tooLarge(maxBytes);
  }
  const share = budget instanceof ByteShare ? budget : budget.share();
  try {
    return await collect(source, share, options);
  } finally {
    if (share !== budget) share.release();
  }
}

async function collect(
  source: Readable,
  share: ByteShare,
  { encoding, maxBytes, signal, contentLength }: WholeBodyOptions,
): Promise<ArrayBuffer> {
  // Ends a wait for the budget, of which the streams know nothing. Never taken off: a destroyed source emits late.
  const broken = new AbortController();
  let stopped: AbortSignal | undefined;
  source.on('error', (error) => broken.abort(error));
  const take = (bytes: number): Promise<void> | undefined => {
    if (share.tryTake(bytes)) return undefined;
    stopped ??= signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal]);
    return share.take(bytes, stopped);
  };
  const pages = new BytePages(encoding === 'identity' ? contentLength : 0);
  const gather = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      if (pages.length + chunk.length > maxBytes) throw tooLarge(maxBytes);
      const wait = take(chunk.length);
      if (wait !== undefined) await wait;
      pages.add(chunk);
      if (pages.copies) noteGarbage(chunk.length);
    }
  };
  const during = signal === undefined ? {} : { signal };
  const decoder = createDecoder(encoding, { maxBlockBytes: maxBytes, hold: take });
  try {
    signal?.throwIfAborted();
    if (source.errored) throw source.errored;
    if (decoder === undefined) await destroyedBy(signal, source, () => gather(source));
    else {
      // Frames that are to be skipped may go on for ever and decode to nothing.
      const maxEncoded = 2 * maxBytes + ENCODED_SLACK_BYTES;
      await pipeline(source, bounded(maxEncoded, tooLarge(maxBytes)), decoder, gather, during);
    }
  } catch (error) {
    source.destroy();
    throw signal?.aborted ? signal.reason : problem(error, maxBytes);
  }
  if (!pages.copies) noteGarbage(pages.length);
  return pages.take().buffer;
}

/** As pipeline() for one source and its reader, which takes 20 µs more. */
async function destroyedBy(
  signal: AbortSignal | undefined,
  source: Readable,
  work: () => Promise<void>,
): Promise<void> {
  const onAbort = (): void => void source.destroy(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  try {
    await work();
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function bounded(maxBytes: number, error: Error) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw error;
      yield chunk;
    }
  };
}

function problem(error: unknown, maxBytes: number): unknown {
  const known = encodingProblem(error);
  const isLimit = known?.code === 'ERR_BODY_TOO_LARGE' && maxBytes <= MAX_BLOCK_BYTES;
  return isLimit ? tooLarge(maxBytes) : (known ?? error);
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError(
    'ERR_BODY_TOO_LARGE',
    `the body has more than ${maxBytes} bytes (push.max_body_bytes); /ingest takes bodies of any size`,
  );
}
