import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EntrySet } from '../../src/redis/entry-set.ts';

test('a set of entries knows each that it has been given since it was last empty', () => {
  // Few values, so that they meet, and all that share a slot.
  const half = fc.constantFrom(0, 1, -1, 64, 128, 0x7fffffff, -0x80000000);
  const any = fc.oneof(half, fc.integer({ min: -0x80000000, max: 0x7fffffff }));
  const clear = fc.record({ expected: fc.nat(5000) });
  const entry = fc.tuple(any, any);
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ arbitrary: entry, weight: 40 }, { arbitrary: clear, weight: 1 }), {
        maxLength: 600,
      }),
      (steps) => {
        const set = new EntrySet(1);
        let expected = new Set<string>();
        for (const step of steps) {
          if (!Array.isArray(step)) {
            set.clear(step.expected);
            expected = new Set();
            continue;
          }
          const [hi, lo] = step;
          set.reserve(1);
          assert.equal(set.add(hi, lo), !expected.has(`${hi} ${lo}`));
          expected.add(`${hi} ${lo}`);
        }
        for (const key of expected) {
          const [hi, lo] = key.split(' ').map(Number);
          assert.ok(!set.add(hi, lo));
        }
      },
    ),
  );
});
