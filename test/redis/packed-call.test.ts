import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from '../../src/redis/commands.ts';
import { callPool, PackedCall } from '../../src/redis/connection/packed-call.ts';

const TEXTS = [
  '',
  'a',
  'x'.repeat(9),
  'x'.repeat(10),
  'x'.repeat(128),
  'x'.repeat(129),
  'ä',
  `${'a'.repeat(50)}€`,
  '𝒳'.repeat(70),
];
const NUMBERS = [0, 1, 9, 10, 99, 100, -1, 1_764_000_000_123_456, 0.5];
const BYTES = [Buffer.alloc(0), Buffer.from('a\r\nb'), Buffer.alloc(40_000, 1)];

/** https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function expected(parts: ReadonlyArray<string | number | Buffer>): Buffer {
  const bytes = parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(String(part))));
  const bulks = bytes.map((part) =>
    Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks]);
}

test('a call is an array of bulk strings, whatever its arguments are', () => {
  const pool = callPool();
  for (const args of [[], TEXTS, NUMBERS, BYTES, [...TEXTS, ...BYTES, ...NUMBERS], Array(1200).fill('arg')]) {
    const call: Call = { script: 'commit', keys: ['{1}:a', '{1}:b'], args };
    const known = PackedCall.run(pool, { script: { sha: 'abc' }, call, first: [7] });
    assert.deepEqual(known.bytes, expected(['EVALSHA', 'abc', 2, ...call.keys, 7, ...args]));
    known.release();
    const text = `return 1 -- ${'é'.repeat(500)}`;
    const unknown = PackedCall.run(pool, { script: { text }, call, first: [] });
    assert.deepEqual(unknown.bytes, expected(['EVAL', text, 2, ...call.keys, ...args]));
    unknown.release();
  }
});
