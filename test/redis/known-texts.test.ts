import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KnownTexts } from '../../src/redis/known-texts.ts';

test('what is found is what stands there, whatever was found before', () => {
  const texts = new KnownTexts();
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('', 'a', 'gauge', 'x'.repeat(128), 'x'.repeat(129), 'größe'),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.constantFrom('latin1', 'utf8'))), (wanted) => {
      for (const [expected, encoding] of wanted) {
        const bytes = Buffer.from(`<${expected}>`, encoding as 'latin1' | 'utf8');
        const found = texts.find(bytes, 1, bytes.length - 1, encoding as 'latin1' | 'utf8');
        assert.equal(found, bytes.toString(encoding as 'latin1' | 'utf8', 1, bytes.length - 1));
      }
    }),
    { numRuns: 1000 },
  );
});
