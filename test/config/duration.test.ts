import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../config/duration.ts';

const good: [string, number][] = [
  ['0', 0],
  ['+0', 0],
  ['0s', 0],
  ['300ms', 300],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1h30m10.5s', 5_410_500],
  ['1.5s', 1500],
  ['.5s', 500],
  ['5.s', 5000],
  ['+5s', 5000],
  ['1s1s', 2000],
  ['1.1h', 3_960_000],
  ['0.1s', 100],
  ['2000us', 2],
  ['1000000ns', 1],
  ['3000µs', 3],
  ['3000μs', 3],
  ['1ns', 1],
  ['1.2ms', 2],
  ['876000h', 3_153_600_000_000],
];

const bad = [
  '',
  ' ',
  '5',
  '-5m',
  '-0s',
  '5 m',
  ' 5m',
  '5m ',
  '5m\n',
  '5x',
  '5M',
  '5d',
  'm',
  '.s',
  '.',
  '1h30',
  '1,5s',
  '1e3s',
  '0x1s',
  '--5m',
  '+',
  '5constructor',
  '٥m',
  'NaN',
  'Infinity',
];

test('durations are read as Go does, in ms', () => {
  for (const [text, ms] of good) {
    assert.equal(parseDuration(text), ms, text);
  }
});

test('a duration above zero never becomes zero, which stands for "never"', () => {
  assert.equal(parseDuration('1ns'), 1);
  assert.equal(parseDuration('0.000001ms'), 1);
});

test('what is no duration, or a negative one, is refused', () => {
  for (const text of bad) {
    assert.equal(parseDuration(text), undefined, JSON.stringify(text));
  }
});

test('what is written can be read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
  assert.equal(formatDuration(5_400_000), '1h30m');
  assert.equal(formatDuration(300_000), '5m');
  assert.equal(formatDuration(1500), '1s500ms');
  assert.equal(formatDuration(0), '0');
});
