import type { Readable } from 'node:stream';
import { KIB } from '../../units.ts';

const CRLF = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const MAX_HEADER_BYTES = 16 * KIB;
/** After the last part may come text for nobody. */
const MAX_EPILOGUE_BYTES = 64 * KIB;

/** The body is not multipart, or not whole. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
}

export type PartHeaders = Readonly<Record<string, string>>;

/**
 * Reads a multipart body (RFC 2046) forwards, and no further than it is asked to: `headers` of a part, its `data` to the
 * end, and so on. Unlike busboy it reads any subtype, gives every part as a stream with all of its headers, and
 * overlooks nothing: what cannot be read is an error.
 */
export class MultipartReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #delimiter: Buffer;
  /** Read and not yet given out. It begins with a line end, so that the first boundary looks like the others. */
  #pending: Buffer = CRLF;
  #ended = false;
  /** The empty line after the headers is pending: in a part without data it may be that of the boundary. */
  #afterHeaders = false;

  constructor(source: Readable, boundary: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** To the first boundary: what is before it is for nobody. Call it once, before the rest. */
  async begin(): Promise<void> {
    while ((await this.data()) !== undefined);
  }

  /** Of the next part. Undefined: that was the last one. Only after the data of the part before. */
  async headers(): Promise<PartHeaders | undefined> {
    let line = await this.#find(CRLF, 0);
    if (this.#pending.toString('latin1', 0, 2) === '--') {
      await this.#skipEpilogue();
      return undefined;
    }
    const padding = this.#pending.toString('latin1', 0, Math.max(line, 0));
    if (line < 0 || !/^[ \t]*$/.test(padding))
      throw new MultipartError('a boundary is not followed by a line end');
    // A part without headers has nothing between this line end and the next.
    const from = line;
    line = await this.#find(HEADERS_END, from);
    if (line < 0) {
      const why = this.#ended ? 'it ends' : `there are more than ${MAX_HEADER_BYTES / KIB} KiB`;
      throw new MultipartError(`${why} in the headers of a part`);
    }
    const text = this.#pending.toString('latin1', from + CRLF.length, line);
    this.#pending = this.#pending.subarray(line + CRLF.length);
    this.#afterHeaders = true;
    return parseHeaders(text);
  }

  /** The next bytes of the part. Undefined: it has no more. */
  async data(): Promise<Buffer | undefined> {
    while (true) {
      if (this.#afterHeaders && (this.#pending.length >= this.#delimiter.length || this.#ended)) {
        this.#afterHeaders = false;
        if (this.#pending.indexOf(this.#delimiter) !== 0) this.#pending = this.#pending.subarray(CRLF.length);
      }
      const at = this.#pending.indexOf(this.#delimiter);
      if (at === 0) {
        this.#pending = this.#pending.subarray(this.#delimiter.length);
        return undefined;
      }
      // The end of what is there may be the beginning of a boundary.
      const safe = at > 0 ? at : this.#pending.length - this.#delimiter.length + 1;
      if (safe > 0 && !this.#afterHeaders) {
        const data = this.#pending.subarray(0, safe);
        this.#pending = this.#pending.subarray(safe);
        return data;
      }
      if (!(await this.#fill()) && !this.#afterHeaders)
        throw new MultipartError('it ends without its last boundary');
    }
  }

  /** Where the bytes are, within the bound of headers. -1: nowhere. */
  async #find(bytes: Buffer, from: number): Promise<number> {
    while (true) {
      const at = this.#pending.indexOf(bytes, from);
      if (at >= 0) return at <= MAX_HEADER_BYTES ? at : -1;
      if (this.#pending.length > MAX_HEADER_BYTES + bytes.length || !(await this.#fill())) return -1;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#chunks.next();
    if (done) {
      this.#ended = true;
      return false;
    }
    this.#pending = this.#pending.length === 0 ? value : Buffer.concat([this.#pending, value]);
    return true;
  }

  async #skipEpilogue(): Promise<void> {
    let skipped = 0;
    while (skipped <= MAX_EPILOGUE_BYTES) {
      skipped += this.#pending.length;
      this.#pending = Buffer.alloc(0);
      if (!(await this.#fill())) return;
    }
  }
}

function parseHeaders(text: string): PartHeaders {
  const headers: Record<string, string> = {};
  // A line that begins with a blank goes on with the one before.
  for (const line of text === '' ? [] : text.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new MultipartError(`${JSON.stringify(line.slice(0, 80))} is no header`);
    headers[name.toLowerCase()] = (value as string).trim();
  }
  return headers;
}
