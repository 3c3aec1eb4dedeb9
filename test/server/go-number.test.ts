import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGoNumber } from '../../src/server/go-number.ts';

test("numbers are written as Go's %v writes them", () => {
  // fmt.Println of each.
  const cases: Array<[number, string]> = [
    [0, '0'],
    [-0, '-0'],
    [100, '100'],
    [1e5, '100000'],
    [123456.7, '123456.7'],
    [1e6, '1e+06'],
    [1234567, '1.234567e+06'],
    [-1234567.5, '-1.2345675e+06'],
    [123456789, '1.23456789e+08'],
    [1e10, '1e+10'],
    [1e21, '1e+21'],
    [1e100, '1e+100'],
    [1e-4, '0.0001'],
    [0.00012345, '0.00012345'],
    [1e-5, '1e-05'],
    [5e-324, '5e-324'],
    [1.7953435503259828e9, '1.7953435503259828e+09'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ];
  for (const [value, text] of cases) assert.equal(formatGoNumber(value), text);
});
