import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { messagePieces } from '../../../src/server/ingest/message-pieces.ts';
import { MIB } from '../../../src/units.ts';
import { delimited } from '../../support/metric-family.ts';
import { chunkSizes, inChunks, piecesOf, textOf } from './chunks.ts';

function message(length: number): Buffer {
  return delimited(Buffer.alloc(length, length & 0xff));
}

test('pieces are whole messages, the same for every chunking', async () => {
  const lengths = fc.array(fc.oneof(fc.nat(20), fc.nat(400)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(lengths, chunkSizes, fc.nat(1_000), fc.nat(600), async (lengths, sizes, target, cut) => {
      const messages = lengths.map(message);
      const body = Buffer.concat(messages);
      const whole = body.subarray(0, body.length - Math.min(cut, body.length - 1));
      const pieces = await piecesOf(
        messagePieces(() => target),
        inChunks(whole, sizes),
      );
      // By hand: messages are taken until there is enough of them.
      const expected: Buffer[] = [];
      let open: Buffer[] = [];
      let at = 0;
      for (const bytes of messages) {
        at += bytes.length;
        if (at > whole.length) break;
        open.push(bytes);
        if (Buffer.concat(open).length < target) continue;
        expected.push(Buffer.concat(open));
        open = [];
      }
      const rest = Buffer.concat(open);
      const isCut = Buffer.concat([...expected, rest]).length < whole.length;
      if (rest.length > 0 || isCut) expected.push(rest);
      assert.deepEqual(pieces.map(textOf), expected);
      assert.equal(pieces.at(-1)?.problem?.message, isCut ? 'unexpected EOF' : undefined);
      assert.ok(pieces.slice(0, -1).every(({ problem }) => problem === undefined));
    }),
    { numRuns: 300 },
  );
});

test('an empty body has no pieces', async () => {
  assert.deepEqual(
    await piecesOf(
      messagePieces(() => 100),
      [],
    ),
    [],
  );
});

test('what is before a bad length is the last piece, and nothing after it is kept', async () => {
  for (const [bad, code] of [
    ['ffffffffffffffffff02', 'ERR_BAD_BODY'],
    ['80808080808080808001', 'ERR_MESSAGE_TOO_LONG'],
    ['8180800880', 'ERR_MESSAGE_TOO_LONG'],
  ] as const) {
    const body = Buffer.concat([message(10), Buffer.from(bad, 'hex'), Buffer.alloc(MIB)]);
    for (const sizes of [[1, 1, 1, 1, 1, 1, 100_000], [body.length]]) {
      const pieces = await piecesOf(
        messagePieces(() => 1_000),
        inChunks(body, sizes),
      );
      assert.deepEqual(pieces.map(textOf), [message(10)]);
      assert.equal(pieces[0]?.problem?.code, code);
    }
  }
});

test('a message of the largest length is taken', async () => {
  const body = message(16 * MIB);
  const pieces = await piecesOf(
    messagePieces(() => 1_000),
    inChunks(body, [65_536]),
  );
  assert.deepEqual(
    pieces.map(({ text, problem }) => [text.byteLength, problem]),
    [[body.length, undefined]],
  );
});
