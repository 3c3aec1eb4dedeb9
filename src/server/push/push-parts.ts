import { pipeline, Readable } from 'node:stream';
import { createDecoder, encodingProblem } from '../encoding/decoder.ts';
import { RequestError } from '../errors.ts';
import type { ContentEncoding } from '../middleware/content-encoding.ts';
import { headerParameters } from './header-parameters.ts';
import { MultipartError, MultipartReader, type PartHeaders } from './multipart-reader.ts';

const MAX_PARTS = 10_000;

/** One group's push within a request. */
export interface PushPart {
  /** Counted from 1. */
  readonly number: number;
  /** As it was sent: `job/backup`, `PUT job/backup/instance/a?ttl=26h`. Each character is a byte, as in a request's URL. */
  readonly name: string;
  readonly method: 'PUT' | 'POST' | undefined;
  /** For parseGroupingKey. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: PartHeaders;
  /** The data. What of it is not read is skipped when the next part is asked for. */
  readonly stream: Readable;
}

export interface PushPartsOptions {
  readonly contentType: string | undefined;
  /** Of the whole body; parts may have their own. */
  readonly encoding: ContentEncoding;
  readonly maxParts?: number;
}

/**
 * The parts of a multipart body, one after the other, read no further than they are asked for. Which subtype of
 * multipart it is does not matter. When the body breaks off, the stream of the part fails and then the iterator, with
 * errors that name the part. The source is at its end then, or destroyed.
 */
export async function* pushParts(source: Readable, options: PushPartsOptions): AsyncGenerator<PushPart> {
  const { contentType, encoding, maxParts = MAX_PARTS } = options;
  let where = 'before the first part';
  try {
    const boundary = multipartBoundary(contentType);
    const reader = new MultipartReader(decoded(source, encoding), boundary);
    await reader.begin();
    for (let number = 1; ; number++) {
      const headers = await reader.headers();
      if (headers === undefined) return;
      if (number > maxParts) {
        throw new RequestError('ERR_BODY_TOO_LARGE', `a request has at most ${maxParts} parts`);
      }
      const name = partName(headers);
      const part = `part ${number} (${shown(name)})`;
      where = `in ${part}`;
      const stream = new PartStream(reader, (error) => toRequestError(error, `in ${part}`));
      yield { number, name, ...parseName(name), headers, stream };
      await stream.skip();
      where = `after ${part}`;
    }
  } catch (error) {
    throw toRequestError(error, where);
  } finally {
    source.destroy();
  }
}

class PartStream extends Readable {
  readonly #reader: MultipartReader;
  readonly #toError: (error: unknown) => Error;
  #reading: Promise<boolean> | undefined;

  constructor(reader: MultipartReader, toError: (error: unknown) => Error) {
    super();
    this.#reader = reader;
    this.#toError = toError;
    // Who asks for the next part meets it as well.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#next().catch((error) => this.destroy(this.#toError(error)));
  }

  /** To the end of the part, from where its reader has stopped. */
  async skip(): Promise<void> {
    if (this.readableEnded) return;
    this.destroy();
    while (await (this.#reading ?? this.#next()));
  }

  /** False at the end. */
  #next(): Promise<boolean> {
    this.#reading = this.#reader.data().then((data) => {
      this.#reading = data === undefined ? ENDED : undefined;
      this.push(data ?? null);
      return data !== undefined;
    });
    return this.#reading;
  }
}

const ENDED = Promise.resolve(false);

function decoded(source: Readable, encoding: ContentEncoding): Readable {
  const decoder = createDecoder(encoding);
  // Errors come out of the decoder.
  return decoder === undefined ? source : pipeline(source, decoder, () => {});
}

function multipartBoundary(contentType = ''): string {
  const boundary = headerParameters(contentType)?.get('boundary') ?? '';
  if (/^\s*multipart\//i.test(contentType) && /^[ -~]{1,70}$/.test(boundary)) return boundary;
  throw new MultipartError(
    'the Content-Type is not multipart/form-data, or another multipart, with a boundary',
  );
}

/** Of a form's field, or what the part says of its place: in multipart/mixed there are no names. */
function partName(headers: PartHeaders): string {
  const transfer = headers['content-transfer-encoding']?.toLowerCase() ?? 'binary';
  if (!['7bit', '8bit', 'binary'].includes(transfer)) {
    throw new MultipartError(
      'the next part has a Content-Transfer-Encoding, which no part may have over HTTP',
    );
  }
  const name =
    headerParameters(headers['content-disposition'] ?? '')?.get('name') ?? headers['content-location'];
  if (name !== undefined && name !== '') return name;
  throw new MultipartError('the next part has no name in its Content-Disposition, nor a Content-Location');
}

function parseName(name: string): Pick<PushPart, 'method' | 'path' | 'query'> {
  const [, method, path = '', query] =
    /^(?:(PUT|POST) +)?\/?(?:metrics\/)?([^?]*)(?:\?(.*))?$/s.exec(name) ?? [];
  // curl ends the name at the first `=`, so there a parameter is `ttl%3D26h`.
  return {
    method: method as PushPart['method'],
    path,
    query: new URLSearchParams(query?.replaceAll(/%3d/gi, '=')),
  };
}

function shown(name: string): string {
  return JSON.stringify(Buffer.from(name, 'latin1').toString().slice(0, 80));
}

function toRequestError(error: unknown, where: string): Error {
  if (error instanceof MultipartError) {
    const message = `the multipart body cannot be read: ${error.message}, ${where}`;
    return new RequestError('ERR_BAD_BODY', message, { cause: error });
  }
  const known = encodingProblem(error);
  if (known === undefined) return error as Error;
  return new RequestError(known.code, `${known.message}, ${where}`, { cause: error });
}
