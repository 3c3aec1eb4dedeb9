import assert from 'node:assert/strict';
import { test } from 'node:test';
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
];

for (const [header, expected] of TAKEN) {
  test(`Content-Encoding ${JSON.stringify(header)} is ${expected}`, () => {
    assert.equal(contentEncoding(header === undefined ? {} : { 'content-encoding': header }), expected);
  });
}

for (const header of ['br', 'deflate', 'zstd', 'gzip, gzip', 'gzip, br', 'gzip;q=1', 'x'.repeat(1_000)]) {
  test(`Content-Encoding ${header.slice(0, 20)} is refused with what is taken instead`, () => {
    assert.throws(
      () => contentEncoding({ 'content-encoding': header }),
      (error: Error) => {
        assert.equal((error as { code?: string }).code, 'ERR_CONTENT_ENCODING');
        assert.deepEqual((error as { headers?: object }).headers, { 'Accept-Encoding': 'gzip, identity' });
        assert.ok(error.message.length < 200);
        return true;
      },
    );
  });
}
