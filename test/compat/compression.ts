/** Encoders that do not compress: what they write is valid all the same. */

/** The framing format of snappy, one uncompressed chunk. */
export function snappyFramed(text: string): Buffer {
  const data = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(1, 0);
  header.writeUIntLE(data.length + 4, 1, 3);
  const crc = crc32c(data);
  header.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 4);
  return Buffer.concat([Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1'), header, data]);
}

/** The block format of snappy, one literal of at most 60 bytes. */
export function snappyBlock(text: string): Buffer {
  const data = Buffer.from(text);
  return Buffer.concat([Buffer.from([data.length, (data.length - 1) << 2]), data]);
}

/** A frame of zstd with one raw block of less than 256 bytes. */
export function zstd(text: string): Buffer {
  const data = Buffer.from(text);
  const block = Buffer.alloc(3);
  block.writeUIntLE(data.length * 8 + 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, data.length]), block, data]);
}

function crc32c(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
