import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldBytes } from '../../../src/server/ingest/held-bytes.ts';

const TYPE = Buffer.from('TYPE');

test('held bytes are those of one buffer, whatever chunks they came in and whatever is taken between', () => {
  const text = fc.stringMatching(/^(?:TYPE|[TYPEx\n]){0,40}$/);
  const large = fc.integer({ min: 4000, max: 70_000 }).map((length) => `${'y'.repeat(length)}\nTY`);
  const step = fc.record({
    chunk: fc.oneof({ arbitrary: text, weight: 5 }, { arbitrary: large, weight: 1 }),
    take: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new HeldBytes();
      let expected = Buffer.alloc(0);
      for (const { chunk, take, at } of steps) {
        held.append(Buffer.from(chunk));
        expected = Buffer.concat([expected, Buffer.from(chunk)]);
        if (take !== null) {
          const length = Math.floor(take * expected.length);
          const taken = held.take(length);
          assert.equal(taken.byteLength, length);
          const copied = Buffer.alloc(length + 1, 0xff);
          taken.copyTo(copied);
          assert.deepEqual(copied, Buffer.concat([expected.subarray(0, length), Buffer.from([0xff])]));
          expected = expected.subarray(length);
        }
        const offset = Math.floor(at * expected.length);
        assert.equal(held.length, expected.length);
        assert.equal(held.latin1(offset), expected.toString('latin1', offset));
        const copy = Buffer.alloc(offset);
        held.copyTo(copy, offset);
        assert.deepEqual(copy, expected.subarray(0, offset));
        assert.equal(held.lastNewline(offset), expected.lastIndexOf(0x0a, offset));
        if (expected.subarray(0, offset).includes(TYPE)) assert.ok(held.mayHave(TYPE, offset));
        if (!expected.includes(TYPE)) assert.ok(!held.mayHave(TYPE, offset));
      }
    }),
  );
});

test('a body that comes in drops is held whole', () => {
  const held = new HeldBytes();
  for (let i = 0; i < 200_000; i++) held.append(Buffer.from('x'));
  assert.equal(held.latin1(0), 'x'.repeat(200_000));
});
