import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Labels, labelsOfLine, parseLabels, renderLabels } from '../../src/redis/label-text.ts';

const label = fc.tuple(
  fc.oneof(fc.constantFrom('a', 'job', '_x1'), fc.string({ minLength: 1, unit: 'grapheme' })),
  fc.string({ unit: 'grapheme' }),
);
const labels = fc.uniqueArray(label, { selector: ([name]) => name, maxLength: 5 });

test('labels that are rendered can be read back', () => {
  fc.assert(
    fc.property(labels, (given: Labels) => {
      assert.deepEqual(parseLabels(renderLabels(given)), given);
    }),
  );
});

test('the labels of a stored line, whatever comes after them', () => {
  const rest = fc.constantFrom(' 1\n', ' 1 1000\n', ' 1 # {trace="a",b="}"} 1 2\n', ' 1 #c 12\n');
  fc.assert(
    fc.property(labels, rest, (given: Labels, after) => {
      const text = renderLabels(given);
      assert.deepEqual(labelsOfLine(`x{${text}}${after}`), given);
      assert.deepEqual(labelsOfLine(`{"a }\\"{b="${text === '' ? '' : `,${text}`}}${after}`), given);
      assert.deepEqual(labelsOfLine(`x${after}`), []);
    }),
  );
});
