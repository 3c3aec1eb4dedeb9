import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeaderWriter } from '../../src/redis/call-header.ts';

function sized(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([size, bytes]);
}

/** Type, HELP, UNIT. */
function description(help: string | undefined, unit: string | undefined): Buffer {
  const given = (text: string | undefined): Buffer => sized(text === undefined ? '' : `=${text}`);
  return sized(Buffer.concat([Buffer.from('\x05gauge'), given(help), given(unit)]));
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
  const maybe = fc.option(text, { nil: undefined });
  const part = fc.record({ text, describes: fc.boolean(), help: maybe, unit: maybe, ends: fc.boolean() });
  fc.assert(
    // Enough for more than one piece of memory.
    fc.property(fc.array(part, { maxLength: 80 }), (parts) => {
      const headers = new HeaderWriter();
      const taken: Buffer[] = [];
      const expected: Buffer[] = [Buffer.alloc(0)];
      for (const { text, describes, help, unit, ends } of parts) {
        if (describes) headers.description('gauge', help, unit);
        else headers.text(text);
        const written = describes ? description(help, unit) : sized(text);
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
