import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { createDecoder } from '../../../src/server/encoding/decoder.ts';
import { hasZstd } from '../../../src/server/encoding/zstd.ts';
import { MIB } from '../../../src/units.ts';
import { assertRefused, decode } from './decoding.ts';

const TEXT = Buffer.from('# TYPE a gauge\na{b="c"} 1\na{b="d"} 2\n');

test('identity needs no decoder', () => {
  assert.equal(createDecoder('identity'), undefined);
});

const FORMATS = [
  ['gzip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['deflate', zlib.deflateRawSync],
] as const;

test('any data comes back, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2_000, size: 'max' }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 0, max: 9 }),
      async (data, size, level) => {
        for (const [encoding, encode] of FORMATS) {
          assert.ok((await decode(encoding, encode(data, { level }), size)).equals(data));
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('bodies that are much longer than the buffers come back', async () => {
  const data = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `a{i="${i}"} ${i * 7}\n`).join(''));
  for (const [encoding, encode] of FORMATS) assert.ok((await decode(encoding, encode(data))).equals(data));
});

test('the output waits until it is read', async () => {
  const decoder = createDecoder('gzip');
  assert.ok(decoder !== undefined);
  let taken = 0;
  const bomb = zlib.gzipSync(Buffer.alloc(64 * MIB));
  decoder.write(bomb, () => assert.ok(decoder.destroyed, 'it is taken'));
  while (decoder.readableLength === 0) await nextTurn();
  // Time enough for far more, if it did not wait.
  await sleep(200);
  const { readableLength } = decoder;
  assert.ok(readableLength > 0 && readableLength < MIB, `${readableLength} bytes are waiting`);
  while (taken < 10 * MIB) {
    const data = decoder.read() as Buffer | null;
    if (data === null) await once(decoder, 'readable');
    else taken += data.length;
  }
  assert.ok(decoder.readableLength < MIB);
  decoder.destroy();
});

test('gzip may have several members', async () => {
  const members = Buffer.concat([zlib.gzipSync(TEXT), zlib.gzipSync(''), zlib.gzipSync(TEXT)]);
  for (const size of [1, 5, 10_000]) {
    assert.equal((await decode('gzip', members, size)).toString(), `${TEXT}${TEXT}`);
  }
});

test('every truncation of every format is refused', async () => {
  for (const [encoding, encode] of FORMATS) {
    const whole = encode(TEXT);
    for (let length = 0; length < whole.length; length++) {
      await assert.rejects(
        decode(encoding, whole.subarray(0, length), 8),
        new RegExp(`not whole or not ${encoding}`),
        `${length} bytes of ${encoding}`,
      );
    }
  }
});

function changed(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] as number) ^ 0xff;
  return copy;
}

const gzip = zlib.gzipSync(TEXT);
const deflate = zlib.deflateSync(TEXT);
const BAD = [
  ['gzip', 'plain text', TEXT, /not whole or not gzip: incorrect header check/],
  ['gzip', 'deflate', deflate, /incorrect header check/],
  ['gzip', 'a wrong checksum', changed(gzip, -8), /incorrect data check/],
  ['gzip', 'a wrong length', changed(gzip, -4), /incorrect length check/],
  ['gzip', 'garbage after the end', Buffer.concat([gzip, TEXT]), /not whole or not gzip/],
  ['gzip', 'zeros after the end', Buffer.concat([gzip, Buffer.alloc(100_000)]), /bytes after its end/],
  ['gzip', 'half a second member', Buffer.concat([gzip, gzip.subarray(0, 20)]), /unexpected end of file/],
  ['deflate', 'plain text', TEXT, /not whole or not deflate/],
  ['deflate', 'gzip', gzip, /not whole or not deflate/],
  ['deflate', 'a wrong checksum', changed(deflate, -1), /incorrect data check/],
  ['deflate', 'bytes after the end', Buffer.concat([deflate, Buffer.alloc(100_000)]), /bytes after its end/],
] as const;

for (const [encoding, what, body, message] of BAD) {
  test(`refused as ${encoding}: ${what}`, () => assertRefused(encoding, body, message));
}

test('zstd', { skip: !hasZstd && 'this Node has none' }, async (t) => {
  const zstd = (zlib as unknown as { zstdCompressSync(data: Buffer, options?: object): Buffer })
    .zstdCompressSync;

  await t.test('comes back, in one frame and in several, among frames to skip', async () => {
    const skippable = Buffer.from('502a4d1803000000abcdef', 'hex');
    const body = Buffer.concat([zstd(TEXT), skippable, zstd(TEXT)]);
    for (const size of [1, 7, 10_000]) {
      assert.equal((await decode('zstd', zstd(TEXT), size)).toString(), `${TEXT}`);
      assert.equal((await decode('zstd', body, size)).toString(), `${TEXT}${TEXT}`);
    }
    const data = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `a{i="${i}"} ${i}\n`).join(''));
    const frames = Buffer.concat([zstd(data), skippable, zstd(data), zstd(TEXT)]);
    for (const size of [1_000, 65_536, 10_000_000]) {
      assert.ok((await decode('zstd', frames, size)).equals(Buffer.concat([data, data, TEXT])));
    }
  });

  await t.test('is refused where it is cut off', async () => {
    const whole = zstd(TEXT);
    for (let length = 0; length < whole.length; length++) {
      await assert.rejects(
        decode('zstd', whole.subarray(0, length), 8),
        /not whole or not zstd/,
        `${length} bytes`,
      );
    }
  });

  await t.test('is refused with a window of 128 MiB, a dictionary, or garbage', async () => {
    // Frame headers of RFC 8878, 3.1.1.1: a window descriptor of 17 << 3; an id of one byte, single segment.
    await assertRefused('zstd', Buffer.from('28b52ffd0088010000', 'hex'), /not whole or not zstd/);
    await assertRefused('zstd', Buffer.from('28b52ffd210700010000', 'hex'), /not whole or not zstd/);
    await assertRefused('zstd', TEXT, /not whole or not zstd/);
    await assertRefused('zstd', Buffer.concat([zstd(TEXT), TEXT]), /not whole or not zstd/);
  });
});
