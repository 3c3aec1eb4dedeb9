import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasZstd } from '../../../src/server/encoding/zstd.ts';
import { contentEncoding } from '../../../src/server/middleware/content-encoding.ts';

const TAKEN: ReadonlyArray<readonly [header: string | undefined, expected: string]> = [
  [undefined, 'identity'],
  ['', 'identity'],
  ['identity', 'identity'],
  ['Identity', 'identity'],
  ['gzip', 'gzip'],
  ['GZip', 'gzip'],
  ['x-gzip', 'gzip'],
  [' gzip , identity', 'gzip'],
  ['deflate', 'deflate'],
  ['Deflate', 'deflate'],
  ['snappy', 'snappy'],
  ['SNAPPY', 'snappy'],
  ...(hasZstd
    ? ([
        ['zstd', 'zstd'],
        ['ZStd', 'zstd'],
      ] as const)
    : []),
];

for (const [header, expected] of TAKEN) {
  test(`Content-Encoding ${JSON.stringify(header)} is ${expected}`, () => {
    assert.equal(contentEncoding(header === undefined ? {} : { 'content-encoding': header }), expected);
  });
}

const ACCEPTED = `gzip, deflate, snappy, ${hasZstd ? 'zstd, ' : ''}identity`;
const REFUSED = [
  'br',
  'compress',
  'gzip, gzip',
  'gzip, br',
  'br, gzip',
  'snappy, zstd',
  'gzip;q=1',
  'constructor',
];

for (const header of [...REFUSED, ...(hasZstd ? [] : ['zstd']), 'x'.repeat(1_000)]) {
  test(`Content-Encoding ${header.slice(0, 20)} is refused with what is taken instead`, () => {
    assert.throws(
      () => contentEncoding({ 'content-encoding': header }),
      (error: Error) => {
        assert.equal((error as { code?: string }).code, 'ERR_CONTENT_ENCODING');
        assert.deepEqual((error as { headers?: object }).headers, { 'Accept-Encoding': ACCEPTED });
        assert.ok(error.message.length < 200);
        return true;
      },
    );
  });
}

test('a Node without zstd says so', { skip: hasZstd && 'this one has it' }, () => {
  assert.throws(
    () => contentEncoding({ 'content-encoding': 'ZSTD' }),
    /by Node v20\.\d+\.\d+, but from 22\.15 on/,
  );
});
