import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeaderWriter } from '../../src/redis/call-header.ts';

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([size, bytes]);
}

test('texts are written in UTF-8 behind their length, those that may be missing behind a sign', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom(
      '',
      'x'.repeat(127),
      'x'.repeat(128),
      'x'.repeat(129),
      `${'x'.repeat(60)}é${'x'.repeat(60)}`,
    ),
  );
  const part = fc.record({ text, isGiven: fc.boolean(), isMissing: fc.boolean(), ends: fc.boolean() });
  fc.assert(
    // Enough for more than one piece of memory.
    fc.property(fc.array(part, { maxLength: 80 }), (parts) => {
      const headers = new HeaderWriter();
      const taken: Buffer[] = [];
      const expected: Buffer[] = [Buffer.alloc(0)];
      for (const { text, isGiven, isMissing, ends } of parts) {
        if (isGiven) headers.given(isMissing ? undefined : text);
        else headers.text(text);
        const written = isGiven ? sized(isMissing ? '' : `=${text}`) : sized(text);
        expected.push(Buffer.concat([expected.pop() as Buffer, written]));
        assert.equal(headers.length, expected.at(-1)?.length);
        if (!ends) continue;
        taken.push(headers.take());
        expected.push(Buffer.alloc(0));
      }
      taken.push(headers.take());
      assert.deepEqual(taken, expected);
    }),
    { numRuns: 500 },
  );
});
