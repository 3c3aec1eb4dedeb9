import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { crc32c } from '../../../src/server/encoding/crc32c.ts';
import { MIB } from '../../../src/units.ts';
import { assertRefused, decode } from './decoding.ts';
import { chunk, dataChunk, IDENTIFIER, snappyStream } from './snappy-stream.ts';

const TEXT = Buffer.from('# TYPE a gauge\na{b="c"} 1\na{b="d"} 2\n');

// Made by cramjam, which Python's client uses.
const FRAMES_UNCOMPRESSED = Buffer.from(
  'ff060000734e6150705901290000b90bcca2' +
    '23205459504520612067617567650a617b623d2263227d20310a617b623d2264227d20320a',
  'hex',
);
const BLOCK = Buffer.from(
  `c80b6023205459504520612067617567650a617b623d2263227d2031090b1464227d20320a${'fe2500'.repeat(22)}8a2500`,
  'hex',
);
const FRAMES_COMPRESSED = Buffer.concat([IDENTIFIER, Buffer.from('006e000020a90af3', 'hex'), BLOCK]);

test('the checksum is CRC-32C', () => {
  // RFC 3720, B.4, and the check value of the catalogue of CRCs.
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

test('frames and blocks of another encoder are read, in chunks of any size', async () => {
  const repeated = Buffer.concat(Array.from({ length: 40 }, () => TEXT));
  for (const size of [1, 2, 9, 10, 11, 1_000]) {
    assert.ok((await decode('snappy', FRAMES_UNCOMPRESSED, size)).equals(TEXT));
    assert.ok((await decode('snappy', FRAMES_COMPRESSED, size)).equals(repeated));
    assert.ok((await decode('snappy', BLOCK, size)).equals(repeated));
  }
});

test('any data comes back from frames and from a block, however either is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2_000, size: 'max' }),
      fc.integer({ min: 1, max: 700 }),
      fc.integer({ min: 1, max: 700 }),
      async (bytes, frame, size) => {
        const data = Buffer.concat([bytes, bytes, bytes]);
        assert.ok((await decode('snappy', snappyStream(data, frame), size)).equals(data));
        assert.ok((await decode('snappy', Buffer.from(compress(data)), size)).equals(data));
      },
    ),
    { numRuns: 100 },
  );
});

test('large streams and large blocks come back', async () => {
  const data = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `a{i="${i}"} ${i * 7}\n`).join(''));
  for (const size of [5_000, 65_536, 1_000_000]) {
    assert.ok((await decode('snappy', snappyStream(data), size)).equals(data));
    assert.ok((await decode('snappy', Buffer.from(compress(data)), size)).equals(data));
  }
});

test('streams may be empty, joined, padded, and have chunks to skip', async () => {
  assert.equal((await decode('snappy', IDENTIFIER)).length, 0);
  const stream = Buffer.concat([
    IDENTIFIER,
    chunk(0xfe, Buffer.alloc(100_000)),
    dataChunk(TEXT, true),
    chunk(0x80, Buffer.from('anything')),
    chunk(0xfd, Buffer.alloc(0)),
    IDENTIFIER,
    dataChunk(TEXT, false),
    dataChunk(Buffer.alloc(0), true),
  ]);
  for (const size of [1, 3, 4_096]) {
    assert.equal((await decode('snappy', stream, size)).toString(), `${TEXT}${TEXT}`);
  }
});

const wrongChecksum = snappyStream(TEXT);
wrongChecksum[15] = (wrongChecksum[15] as number) ^ 1;

const BAD: ReadonlyArray<readonly [what: string, body: Buffer, message: RegExp]> = [
  ['nothing', Buffer.alloc(0), /not whole or not snappy/],
  ['plain text', TEXT, /not whole or not snappy/],
  ['gzip', Buffer.from('1f8b0800000000000003', 'hex'), /not whole or not snappy/],
  ['half an identifier', IDENTIFIER.subarray(0, 7), /not whole or not snappy/],
  ['frames without an identifier', dataChunk(TEXT, true), /not whole or not snappy/],
  ['a wrong checksum', wrongChecksum, /a checksum is wrong/],
  ['a header without data', Buffer.concat([IDENTIFIER, chunk(0, Buffer.alloc(0), 100)]), /unexpected end/],
  ['half a header', Buffer.concat([IDENTIFIER, Buffer.from([0, 1])]), /unexpected end/],
  ['half a skipped chunk', Buffer.concat([IDENTIFIER, chunk(0xfe, Buffer.alloc(3), 4)]), /unexpected end/],
  ['data without room for a checksum', Buffer.concat([IDENTIFIER, chunk(1, Buffer.alloc(3))]), /of 3 bytes/],
  [
    'a chunk of 16 MiB',
    Buffer.concat([IDENTIFIER, chunk(0, Buffer.alloc(10), 0xffffff)]),
    /of 16777215 bytes, which none can have/,
  ],
  ['65537 bytes in a chunk', Buffer.concat([IDENTIFIER, dataChunk(Buffer.alloc(65_537), false)]), /of 65537/],
  [
    '65537 bytes in a compressed chunk',
    Buffer.concat([IDENTIFIER, dataChunk(Buffer.alloc(65_537), true)]),
    /not whole or not snappy/,
  ],
  [
    'a compressed chunk that claims 4 GiB',
    Buffer.concat([IDENTIFIER, chunk(0, Buffer.from('00000000ffffffff0f00', 'hex'))]),
    /not whole or not snappy/,
  ],
  ['an unknown chunk that matters', Buffer.concat([IDENTIFIER, chunk(0x02, TEXT)]), /unknown type 0x02/],
  [
    'another identifier',
    Buffer.concat([IDENTIFIER, chunk(0xff, Buffer.from('sNaPpX'))]),
    /not a snappy stream/,
  ],
  ['a long identifier', Buffer.concat([IDENTIFIER, chunk(0xff, Buffer.from('sNaPpY!'))]), /of 7 bytes/],
  ['a block that is cut off', BLOCK.subarray(0, BLOCK.length - 1), /not whole or not snappy/],
  ['a block with more after it', Buffer.concat([BLOCK, Buffer.from([0])]), /not whole or not snappy/],
  ['a block that claims 4 GiB', Buffer.from('ffffffff0f00', 'hex'), /neither as a stream of frames nor/],
  ['a copy from before the beginning', Buffer.from('0800610509', 'hex'), /not whole or not snappy/],
  ['a block whose last copy is cut off', Buffer.from('08006105', 'hex'), /unexpected end of a block/],
  ['a block that is shorter than it says', Buffer.from('08006100620063', 'hex'), /unexpected end of a block/],
  ['a block whose literals are longer', Buffer.from('010461620000', 'hex'), /longer than it says/],
  ['a block whose copies are longer', Buffer.from('0200610501', 'hex'), /longer than it says/],
  // As a signed number this length leads back to where it stands.
  ['a literal of 4 GiB', Buffer.from('0afcfaffffff00000000000000', 'hex'), /unexpected end of a block/],
  ['a copy from 4 GiB back', Buffer.from('080061070affffffff', 'hex'), /a copy of what is not there/],
  ['a copy of nothing back', Buffer.from('0800610500', 'hex'), /not whole or not snappy/],
];

for (const [what, body, message] of BAD) {
  test(`refused: ${what}`, () => assertRefused('snappy', body, message));
}

test('any stream with one byte changed is refused or gives the same data', async () => {
  const data = Buffer.from('a{b="c"} 1\n'.repeat(20));
  const stream = snappyStream(data, 100);
  for (let at = 0; at < stream.length; at++) {
    const changed = Buffer.from(stream);
    changed[at] = (changed[at] as number) ^ 0x41;
    const decoded = await decode('snappy', changed, 50).catch(() => undefined);
    assert.ok(decoded === undefined || decoded.equals(data), `byte ${at}`);
  }
});

test('a block in which one byte is changed does no harm', async () => {
  for (let at = 0; at < BLOCK.length; at++) {
    for (const bits of [0x01, 0x41, 0xff]) {
      const changed = Buffer.from(BLOCK);
      changed[at] = (changed[at] as number) ^ bits;
      const decoded = await decode('snappy', changed).catch(() => Buffer.alloc(0));
      assert.ok(decoded.length <= 22 * BLOCK.length);
    }
  }
});

test('a block that is too large to be held is refused before it is there', async () => {
  const bomb = Buffer.from(compress(Buffer.alloc(65 * MIB)));
  await assertRefused('snappy', bomb, /at most 67108864 bytes: send frames/, 'ERR_BODY_TOO_LARGE');
  let sent = 0;
  const endless = Buffer.alloc(MIB, 1);
  async function* forever(): AsyncGenerator<Buffer> {
    for (; ; sent += endless.length) yield endless;
  }
  const { SnappyDecoder } = await import('../../../src/server/encoding/snappy-decoder.ts');
  const { pipeline } = await import('node:stream/promises');
  await assert.rejects(
    pipeline(forever(), new SnappyDecoder(), async () => {}),
    /at most 67108864 bytes/,
  );
  assert.ok(sent <= 80 * MIB);
});
