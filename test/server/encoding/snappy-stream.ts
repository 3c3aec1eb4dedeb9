import { compress } from 'snappyjs';
import { crc32c } from '../../../src/server/encoding/crc32c.ts';

export const IDENTIFIER = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');

/** A chunk of the framing format. */
export function chunk(type: number, data: Buffer, length = data.length): Buffer {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUIntLE(length, 1, 3);
  return Buffer.concat([header, data]);
}

/** A chunk of data with its checksum, compressed or not. */
export function dataChunk(data: Buffer, compressed: boolean): Buffer {
  const crc = crc32c(data);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return chunk(
    compressed ? 0 : 1,
    Buffer.concat([checksum, compressed ? Buffer.from(compress(data)) : data]),
  );
}

/** A whole stream, whose chunks hold so many bytes each. */
export function snappyStream(data: Buffer, bytes = 65_536): Buffer {
  const chunks: Buffer[] = [IDENTIFIER];
  for (let at = 0; at < data.length; at += bytes) {
    chunks.push(dataChunk(data.subarray(at, at + bytes), chunks.length % 2 === 1));
  }
  return Buffer.concat(chunks);
}
