import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BytePages } from '../../../src/server/encoding/byte-pages.ts';

/** Chunks of all sizes that are treated in different ways. */
const chunk = fc
  .tuple(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 4_000, max: 70_000 })), fc.nat(255))
  .map(([length, first]) => Buffer.from(Array.from({ length }, (_, i) => (first + i * 7) & 0xff)));

test('what is taken is what was added, however many bytes were expected', () => {
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 12 }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (chunks, part) => {
        const all = Buffer.concat(chunks);
        for (const expected of [0, all.length, Math.round(all.length * part)]) {
          const pages = new BytePages(expected);
          let length = 0;
          for (const each of chunks) {
            pages.add(each);
            length += each.length;
            assert.equal(pages.length, length);
            const head = pages.head(5);
            assert.deepEqual(head, all.subarray(0, head.length));
          }
          const taken = pages.take();
          assert.deepEqual(taken, all);
          assert.equal(taken.buffer.byteLength, all.length);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('bytes that were announced are copied when an eighth of them has come, and not before', () => {
  const pages = new BytePages(800_000);
  pages.add(Buffer.alloc(99_999));
  assert.equal(pages.copies, false);
  pages.add(Buffer.alloc(1));
  assert.equal(pages.copies, true);
});
