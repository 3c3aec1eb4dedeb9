import { KIB } from '../../units.ts';
import { crc32c } from './crc32c.ts';
import type { EncodingError } from './encoding-error.ts';
import { decodeBlock, notSnappy } from './snappy-block.ts';

/** The first chunk of every stream: type 0xff, length 6, `sNaPpY`. No body in block format begins with it. */
export const IDENTIFIER = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');

const HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** No chunk holds more, uncompressed. */
const MAX_DATA_BYTES = 64 * KIB;
/** What so much may become: the bound of the block format. */
const MAX_CHUNK_BYTES = CHECKSUM_BYTES + 32 + MAX_DATA_BYTES + Math.floor(MAX_DATA_BYTES / 6);

const COMPRESSED = 0x00;
const UNCOMPRESSED = 0x01;
const FIRST_SKIPPABLE = 0x80;
const STREAM_IDENTIFIER = 0xff;

/** Decodes snappy's framing format: https://github.com/google/snappy/blob/main/framing_format.txt. */
export class SnappyFrames {
  readonly #push: (data: Buffer) => void;
  /** The header or the data of a chunk, as far as it has come. */
  readonly #part = Buffer.allocUnsafeSlow(MAX_CHUNK_BYTES);
  #have = 0;
  #need = HEADER_BYTES;
  /** Of the chunk whose data is read. Undefined: a header is read. */
  #type: number | undefined;
  /** What is left of a chunk that nobody needs. */
  #skip = 0;

  constructor(push: (data: Buffer) => void) {
    this.#push = push;
  }

  write(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const count = bytes.copy(this.#part, this.#have, at, at + this.#need - this.#have);
      at += count;
      this.#have += count;
      if (this.#have < this.#need) return;
      this.#have = 0;
      if (this.#type === undefined) this.#onHeader();
      else this.#onData(this.#type);
    }
  }

  end(): void {
    if (this.#have > 0 || this.#skip > 0 || this.#type !== undefined) {
      throw notSnappy('unexpected end of file');
    }
  }

  #onHeader(): void {
    const type = this.#part[0] as number;
    const length = this.#part.readUIntLE(1, 3);
    if (type === COMPRESSED || type === UNCOMPRESSED) {
      if (length < CHECKSUM_BYTES || length > MAX_CHUNK_BYTES) throw badLength(length);
    } else if (type === STREAM_IDENTIFIER) {
      // Streams may be joined.
      if (length !== IDENTIFIER.length - HEADER_BYTES) throw badLength(length);
    } else if (type >= FIRST_SKIPPABLE) {
      this.#skip = length;
      return;
    } else {
      throw notSnappy(`a chunk of the unknown type 0x${type.toString(16).padStart(2, '0')}`);
    }
    this.#type = type;
    this.#need = length;
  }

  #onData(type: number): void {
    const part = this.#part.subarray(0, this.#need);
    this.#type = undefined;
    this.#need = HEADER_BYTES;
    if (type === STREAM_IDENTIFIER) {
      if (!part.equals(IDENTIFIER.subarray(HEADER_BYTES))) throw notSnappy('not a snappy stream');
      return;
    }
    const content = part.subarray(CHECKSUM_BYTES);
    // A copy in either case, as the memory of the part is used again.
    const data = type === COMPRESSED ? decodeBlock(content, MAX_DATA_BYTES) : Buffer.from(content);
    if (data.length > MAX_DATA_BYTES) throw badLength(data.length);
    if (maskedChecksum(data) !== part.readUInt32LE()) throw notSnappy('a checksum is wrong');
    if (data.length > 0) this.#push(data);
  }
}

function maskedChecksum(data: Buffer): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function badLength(length: number): EncodingError {
  return notSnappy(`a chunk of ${length} bytes, which none can have`);
}
