import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { KIB } from '../../units.ts';
import { RequestError } from '../errors.ts';
import type { ContentEncoding } from '../middleware/content-encoding.ts';
import { EncodingError } from './encoding-error.ts';
import { SnappyDecoder, type SnappyOptions } from './snappy-decoder.ts';
import { ZlibDecoder } from './zlib-decoder.ts';
import { createZstdDecoder } from './zstd.ts';

const CHUNK = { chunkSize: 64 * KIB };

/** Undefined for `identity`. Its errors are EncodingErrors, for `encodingProblem`; what it puts out is not bounded. */
export function createDecoder(encoding: ContentEncoding, options: SnappyOptions = {}): Transform | undefined {
  switch (encoding) {
    case 'identity':
      return undefined;
    case 'gzip':
      return new ZlibDecoder({ encoding, make: () => zlib.createGunzip(CHUNK) });
    case 'deflate':
      return new ZlibDecoder({
        encoding,
        make: (head) => (hasZlibHeader(head) ? zlib.createInflate(CHUNK) : zlib.createInflateRaw(CHUNK)),
      });
    case 'snappy':
      return new SnappyDecoder(options);
    case 'zstd':
      return new ZlibDecoder({ encoding, make: createZstdDecoder, repeats: true });
  }
}

/** RFC 1950, 2.2. HTTP's deflate is the zlib format, but some clients send it without. */
function hasZlibHeader(head: Buffer): boolean {
  return head.length >= 2 && ((head[0] as number) & 0x0f) === 8 && head.readUInt16BE() % 31 === 0;
}

/** What a sender is told of an error of a decoder. Undefined for other errors. */
export function encodingProblem(error: unknown): RequestError | undefined {
  if (!(error instanceof EncodingError)) return undefined;
  return new RequestError(error.code, error.message, { cause: error });
}
