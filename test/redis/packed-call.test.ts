import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallKeys, firstKey } from '../../src/redis/call-keys.ts';
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

test('keys may come in two parts', () => {
  const keys = new CallKeys();
  for (const head of ['', '{1}:', 'ä{1}:']) for (const tail of TEXTS) keys.add(head, tail);
  keys.add('{1}:alone');
  const whole = keys.heads.map((head, i) => head + keys.tails[i]);
  assert.equal(firstKey(keys), whole[0]);
  const call: Call = { script: 'commit', keys, args: ['arg'] };
  const { bytes } = PackedCall.run(callPool(), { script: { sha: 'abc' }, call, first: [] });
  assert.deepEqual(bytes, expected(['EVALSHA', 'abc', whole.length, ...whole, 'arg']));
});

test('a call is an array of bulk strings, whatever its arguments are', () => {
  const pool = callPool();
  for (const args of [[], TEXTS, NUMBERS, BYTES, [...TEXTS, ...BYTES, ...NUMBERS], Array(1200).fill('arg')]) {
    const keys = ['{1}:a', '{1}:b'];
    const call: Call = { script: 'commit', keys, args };
    const known = PackedCall.run(pool, { script: { sha: 'abc' }, call, first: [7] });
    assert.deepEqual(known.bytes, expected(['EVALSHA', 'abc', 2, ...keys, 7, ...args]));
    known.release();
    const text = `return 1 -- ${'é'.repeat(500)}`;
    const unknown = PackedCall.run(pool, { script: { text }, call, first: [] });
    assert.deepEqual(unknown.bytes, expected(['EVAL', text, 2, ...keys, ...args]));
    unknown.release();
  }
});
