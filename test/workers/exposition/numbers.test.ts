import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatBound, isInt64, numberEnd, parseNumber } from '../../../src/workers/exposition/numbers.ts';

const end = (text: string): number => numberEnd(Buffer.from(text), 0, text.length);

suite('numbers', () => {
  test('end where they stop being one', () => {
    const ends: ReadonlyArray<readonly [string, number]> = [
      ['12 3', 2],
      ['1.5.2', 3],
      ['1e5e5', 3],
      ['-.5x', 3],
      ['inf\n', 3],
      ['Infinity+', 8],
      ['nano', 3],
      ['1_000', 1],
      ['0x10', 1],
    ];
    for (const [text, expected] of ends) assert.equal(end(text), expected, text);
  });

  test('nothing else is one', () => {
    for (const text of [
      '',
      ' ',
      '-',
      '+',
      '.',
      '-.',
      'e1',
      '1e',
      '1e+',
      '1.e',
      '-nan',
      'in',
      'infin',
      'n',
      '--1',
    ]) {
      assert.equal(end(text), -1, text);
    }
  });

  test('do not reach beyond the given end', () => {
    assert.equal(numberEnd(Buffer.from('12345'), 1, 3), 3);
    assert.equal(numberEnd(Buffer.from('1e5'), 0, 2), -1);
    assert.equal(numberEnd(Buffer.from('infinity'), 0, 3), 3);
  });

  test('are in the range of a float64, as exactly as JavaScript knows it', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 20n), fc.integer({ min: -30, max: 30 }), (digits, power) => {
        for (const text of [
          `${digits}e${power + 290}`,
          `.${digits}e${power + 300}`,
          `-${digits}e-${power + 300}`,
        ]) {
          assert.equal(end(text) === text.length, Number.isFinite(Number(text)), text);
        }
      }),
    );
  });

  test('every float that JavaScript writes is one', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        assert.equal(end(String(x)), String(x).length);
        assert.equal(parseNumber(String(x)), x === 0 ? Number(String(x)) : x);
      }),
    );
  });

  test('infinities and NaN have their values', () => {
    assert.deepEqual(['Inf', '+inf', '-INF', '-infinity', 'nan'].map(parseNumber), [
      Infinity,
      Infinity,
      -Infinity,
      -Infinity,
      Number.NaN,
    ]);
  });
});

test('bounds are written as Go writes them, and keep their value', () => {
  const written: ReadonlyArray<readonly [number, string]> = [
    [1, '1'],
    [-0, '0'],
    [0.5, '0.5'],
    [123456.789, '123456.789'],
    [999999, '999999'],
    [1e6, '1e+06'],
    [-1234567, '-1.234567e+06'],
    [1e-4, '0.0001'],
    [0.00012345, '0.00012345'],
    [1e-5, '1e-05'],
    [1e100, '1e+100'],
    [5e-324, '5e-324'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
  ];
  for (const [value, text] of written) assert.equal(formatBound(value), text);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
      assert.equal(Number(formatBound(x)), x === 0 ? 0 : x);
    }),
  );
});

test('timestamps are integers of 64 bits', () => {
  const is = (text: string): boolean => isInt64(Buffer.from(text), 0, text.length);
  const good = ['0', '-0', '+1', '1700000000000', '9223372036854775807', '-9223372036854775808'];
  good.push(`${'0'.repeat(100)}1`, `-${'0'.repeat(30)}`);
  for (const text of good) assert.ok(is(text), text);
  const bad = [
    '',
    '-',
    '+',
    '1.0',
    '1e3',
    ' 1',
    '1 ',
    '9223372036854775808',
    '-9223372036854775809',
    '1'.repeat(100),
  ];
  for (const text of bad) assert.ok(!is(text), text);
});
