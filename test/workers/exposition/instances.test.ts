import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TimestampPolicy } from '../../../src/workers/messages.ts';
import { hashOf, parse } from './parsing.ts';

const HISTOGRAM = '# TYPE x histogram\n';
const SUMMARY = '# TYPE x summary\n';

function stored(text: string, whole = true): string {
  const parsed = parse(text, { whole });
  assert.deepEqual(parsed.errors, []);
  return parsed.text;
}

function lines(...all: string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

suite('histograms', () => {
  test('all lines of an instance are one entry, identified by the labels without le', () => {
    const { entries, families } = parse(
      HISTOGRAM +
        lines(
          'x_bucket{a="1",b="2",le="0.5"} 1',
          'x_bucket{a="1",b="2",le="+Inf"} 2',
          'x_sum{a="1",b="2"} 3',
          'x_count{a="1",b="2"} 2',
          'x_bucket{le="0.5"} 1',
          'x_bucket{le="+Inf"} 2',
          'x_sum 3',
          'x_count 2',
        ),
    );
    assert.deepEqual(
      entries.map(({ family, hash, line, samples }) => [family, hash, line, samples]),
      [
        ['x', hashOf('a="1",b="2"'), 2, 4],
        ['x', hashOf(''), 6, 4],
      ],
    );
    assert.deepEqual([families[0].type, families[0].entries], ['histogram', 2]);
  });

  test('le may stand anywhere, labels in any order, empty ones do not count', () => {
    const bucket = [
      'x_bucket{le="1",a="1",b="2"} 1',
      'x_bucket{a="1",le="2",b="2"} 2',
      'x_bucket{a="1",b="2",le="3"} 3',
      'x_bucket{b="2",le="4",a="1",} 4',
      'x_bucket{a="1",b="2",c="",le="5"} 5',
      'x_bucket{ a = "1" , b = "2" , le = "6" } 6',
      'x_bucket{le="+Inf",b="2",a="1"} 7',
    ];
    assert.equal(
      stored(`${HISTOGRAM}${lines(...bucket, 'x_count{a="1",b="2"} 7', 'x_sum{b="2",a="1"} 8')}`),
      lines(
        ...['1', '2', '3', '4', '5', '6'].map((le) => `x_bucket{a="1",b="2",le="${le}"} ${le}`),
        'x_bucket{a="1",b="2",le="+Inf"} 7',
        'x_sum{a="1",b="2"} 8',
        'x_count{a="1",b="2"} 7',
      ),
    );
  });

  test('buckets come in ascending order with +Inf last, then _sum and _count', () => {
    const text = lines(
      'x_count 9',
      'x_bucket{le="+Inf"} 9',
      'x_bucket{le="10"} 4',
      'x_bucket{le="-1"} 1',
      'x_bucket{le="-Inf"} 0',
      'x_sum 5',
      'x_bucket{le="9"} 3',
      'x_bucket{le="0"} 2',
    );
    assert.equal(
      stored(HISTOGRAM + text),
      lines(
        'x_bucket{le="-Inf"} 0',
        'x_bucket{le="-1"} 1',
        'x_bucket{le="0"} 2',
        'x_bucket{le="9"} 3',
        'x_bucket{le="10"} 4',
        'x_bucket{le="+Inf"} 9',
        'x_sum 5',
        'x_count 9',
      ),
    );
  });

  test('bounds are rendered as Go does, and those that are equal are one: the last wins', () => {
    const bounds = [
      '1.0',
      '5e-1',
      '1e6',
      '100000',
      '1e-5',
      '0.0001',
      '-0',
      'inf',
      '1e21',
      '1234567.5',
      '1.5e300',
    ];
    const text = `${bounds.map((le) => `x_bucket{le="${le}"} 1\n`).join('')}x_bucket{le="1"} 7\nx_count 1\n`;
    assert.deepEqual(
      [...stored(HISTOGRAM + text).matchAll(/le="(.*)"} (.*)/g)].map(([, le, value]) => [le, value]),
      [
        ...['0', '1e-05', '0.0001', '0.5'].map((le) => [le, '1']),
        ['1', '7'],
        ...['100000', '1e+06', '1.2345675e+06', '1e+21', '1.5e+300', '+Inf'].map((le) => [le, '1']),
      ],
    );
  });

  test('of a sample that stands twice the last wins; each of its lines counts', () => {
    const { text, entries } = parse(
      `${HISTOGRAM}${lines('x_bucket{le="+Inf"} 1', 'x_sum 1', 'x_count 1', 'x_count 3', 'x_sum 2', 'x_bucket{le="Inf"} 3')}`,
    );
    assert.equal(text, lines('x_bucket{le="+Inf"} 3', 'x_sum 2', 'x_count 3'));
    assert.equal(entries[0].samples, 6);
  });

  test('instances whose lines are interleaved are put together, in order of their first lines', () => {
    const { entries } = parse(
      `${HISTOGRAM}# TYPE y histogram\n${lines(
        'x_bucket{a="1",le="+Inf"} 1',
        'x_bucket{a="2",le="+Inf"} 2',
        'plain 1',
        'y_bucket{a="1",le="+Inf"} 3',
        'x_sum{a="1"} 4',
        'x_sum{a="2"} 5',
        'y_sum{a="1"} 6',
        'x_count{a="1"} 1',
        'x_count{a="2"} 2',
        'y_count{a="1"} 3',
      )}`,
    );
    assert.deepEqual(
      entries.map(({ text }) => text),
      [
        lines('x_bucket{a="1",le="+Inf"} 1', 'x_sum{a="1"} 4', 'x_count{a="1"} 1'),
        lines('x_bucket{a="2",le="+Inf"} 2', 'x_sum{a="2"} 5', 'x_count{a="2"} 2'),
        lines('plain 1'),
        lines('y_bucket{a="1",le="+Inf"} 3', 'y_sum{a="1"} 6', 'y_count{a="1"} 3'),
      ],
    );
  });

  test('many instances are told apart, wherever they stand', () => {
    const n = 5000;
    const part = (line: (i: number) => string): string =>
      lines(...Array.from({ length: n }, (_, i) => line(i)));
    const { entries, errors } = parse(
      HISTOGRAM +
        part((i) => `x_bucket{a="${i}",le="+Inf"} ${i}`) +
        part((i) => `x_sum{a="${i}"} ${i}.5`) +
        part((i) => `x_count{a="${i}"} ${i}`),
    );
    assert.deepEqual(errors, []);
    assert.equal(entries.length, n);
    for (const [i, { text, samples }] of entries.entries()) {
      assert.equal(
        text,
        lines(`x_bucket{a="${i}",le="+Inf"} ${i}`, `x_sum{a="${i}"} ${i}.5`, `x_count{a="${i}"} ${i}`),
      );
      assert.equal(samples, 3);
    }
  });

  test('le of _sum and _count does not count; quantile is a label like others', () => {
    assert.equal(
      stored(
        `${HISTOGRAM}${lines('x_bucket{quantile="a",le="+Inf"} 1', 'x_sum{le="b",quantile="a"} 1', 'x_count{quantile="a"} 1')}`,
      ),
      lines('x_bucket{quantile="a",le="+Inf"} 1', 'x_sum{quantile="a"} 1', 'x_count{quantile="a"} 1'),
    );
  });

  test('counts may be fractions, not negative; a sum may be', () => {
    assert.equal(
      stored(`${HISTOGRAM}${lines('x_bucket{le="+Inf"} 2.5', 'x_sum -3', 'x_count -0')}`),
      lines('x_bucket{le="+Inf"} 2.5', 'x_sum -3', 'x_count -0'),
    );
    for (const bad of ['x_count -1', 'x_count -2693.123', 'x_count -Inf', 'x_bucket{le="1"} -412']) {
      const { messages, entries, rejected } = parse(`${HISTOGRAM}x_bucket{le="+Inf"} 1\nx_sum 1\n${bad}\n`);
      const value = bad.slice(bad.indexOf(' ') + 1);
      assert.equal(messages[1], `Expected no negative count in a histogram, found "${value}".`);
      assert.match(messages[0], /refused all of "x": a line of it was refused/);
      assert.deepEqual(entries, []);
      assert.deepEqual(rejected, { syntax: 1, incomplete_histogram: 2 });
    }
  });
});

suite('summaries', () => {
  test('quantiles come in ascending order, then _sum and _count', () => {
    const text = lines(
      'x{a="1",quantile="0.99"} 3',
      'x{a="1",quantile="5e-1"} NaN',
      'x{quantile="-12.34",a="1"} 1',
      'x_count{a="1"} 20',
      'x_sum{a="1"} -5',
    );
    assert.equal(
      stored(SUMMARY + text, false),
      lines(
        'x{a="1",quantile="-12.34"} 1',
        'x{a="1",quantile="0.5"} NaN',
        'x{a="1",quantile="0.99"} 3',
        'x_sum{a="1"} -5',
        'x_count{a="1"} 20',
      ),
    );
  });

  test('needs no quantiles; le is a label like others; a count may be negative, as in the reference', () => {
    assert.equal(
      stored(`${SUMMARY}${lines('x_sum{le="a"} 1', 'x_count{le="a"} -2')}`, false),
      lines('x_sum{le="a"} 1', 'x_count{le="a"} -2'),
    );
  });
});

suite('lines that cannot be part of their family', () => {
  const CASES: ReadonlyArray<readonly [header: string, line: string, message: string]> = [
    [HISTOGRAM, 'x 1', 'Expected _bucket, _sum or _count after the name of a histogram, found "x 1".'],
    [
      HISTOGRAM,
      'x{le="1"} 1',
      'Expected _bucket, _sum or _count after the name of a histogram, found "x{le="1"} 1".',
    ],
    [HISTOGRAM, 'x_bucket 1', 'Expected a label le of a histogram bucket, found "x_bucket 1".'],
    [HISTOGRAM, 'x_bucket{le="bla"} 1', 'Expected a number as le of a histogram bucket, found ""bla"} 1".'],
    [HISTOGRAM, 'x_bucket{le=""} 1', 'Expected a number as le of a histogram bucket, found """} 1".'],
    [HISTOGRAM, 'x_bucket{le="NaN"} 1', 'Expected a number as le of a histogram bucket, found ""NaN"} 1".'],
    [
      HISTOGRAM,
      'x_bucket{le="0x1p-3"} 1',
      'Expected a number as le of a histogram bucket, found ""0x1p-3"} 1".',
    ],
    [
      HISTOGRAM,
      'x_bucket{le="1e999"} 1',
      'Expected a number as le of a histogram bucket, found ""1e999"} 1".',
    ],
    [HISTOGRAM, 'x_bucket{le="1 "} 1', 'Expected a number as le of a histogram bucket, found ""1 "} 1".'],
    [HISTOGRAM, 'x_bucket{le="1",le="2"} 1', 'Expected every label name once, found "le="2"} 1".'],
    [HISTOGRAM, 'x_bucket{le="1"} y', 'Expected a number as value, found "y".'],
    [SUMMARY, 'x 1', 'Expected a label quantile of a summary, found "x 1".'],
    [SUMMARY, 'x{quantile="bla"} 1', 'Expected a number as quantile of a summary, found ""bla"} 1".'],
    [SUMMARY, 'x{quantile="0x1p-3"} 1', 'Expected a number as quantile of a summary, found ""0x1p-3"} 1".'],
  ];
  for (const [header, line, message] of CASES) {
    test(`${header.slice(9, -1)}: ${line}`, () => {
      const { errors, rejected, entries } = parse(`${header}${line}\n`);
      assert.deepEqual(errors, [{ line: 2, message }]);
      assert.deepEqual(rejected, { syntax: 1 });
      assert.deepEqual(entries, []);
    });
  }

  test('those that say nothing of an instance cost none', () => {
    for (const line of ['x 1', 'x_bucket 1', 'x_bucket{a="1"} 1']) {
      const good = lines('x_bucket{le="+Inf"} 1', 'x_sum 1', 'x_count 1');
      assert.equal(parse(`${HISTOGRAM}${line}\n${good}`).text, good);
    }
    assert.equal(parse(`${SUMMARY}x 1\nx_sum 1\nx_count 1\n`).text, lines('x_sum 1', 'x_count 1'));
  });

  test('what is left of their instance is refused as well, other instances are not', () => {
    const good = lines('x_bucket{a="2",le="+Inf"} 1', 'x_sum{a="2"} 1', 'x_count{a="2"} 1');
    const { text, rejected, errors } = parse(
      `${HISTOGRAM}${lines('x_bucket{a="1",le="1"} y', 'x_bucket{a="1",le="+Inf"} 1', 'x_count{a="1"} 1')}${good}`,
    );
    assert.equal(text, good);
    assert.deepEqual(rejected, { syntax: 1, incomplete_histogram: 2 });
    assert.deepEqual(errors, [
      { line: 2, message: 'Expected a number as value, found "y".' },
      {
        line: 2,
        message:
          'Expected all lines of one histogram one after another, refused all of "x", labels "a="1"": a line of it was refused.',
      },
    ]);
  });
});

suite('timestamps of instances', () => {
  const text = `${HISTOGRAM}${lines('x_bucket{le="+Inf"} 1 10', 'x_sum 1  11', 'x_count 1 12')}`;
  const withPolicy = (timestamps: TimestampPolicy, body = text): ReturnType<typeof parse> =>
    parse(body, { timestamps });

  test('strip, honor and reject', () => {
    assert.equal(withPolicy('strip').text, lines('x_bucket{le="+Inf"} 1', 'x_sum 1', 'x_count 1'));
    assert.equal(withPolicy('honor').text, lines('x_bucket{le="+Inf"} 1 10', 'x_sum 1 11', 'x_count 1 12'));
    assert.equal(withPolicy('reject').text, '');
    assert.deepEqual(withPolicy('reject').rejected, { timestamp: 3 });
  });

  test('a bucket that is filled in has the timestamp of the count it comes from', () => {
    assert.equal(
      withPolicy('honor', `${HISTOGRAM}x_count 5 12\n`).text,
      lines('x_bucket{le="+Inf"} 5 12', 'x_sum 0', 'x_count 5 12'),
    );
  });

  test('one refused timestamp costs the instance', () => {
    const { entries, rejected } = withPolicy('reject', `${HISTOGRAM}${lines('x_sum 1', 'x_count 1 5')}`);
    assert.deepEqual(entries, []);
    assert.deepEqual(rejected, { timestamp: 1, incomplete_histogram: 1 });
  });
});

suite('what is missing', () => {
  const bucket = 'x_bucket{le="1"} 1';
  const infinite = 'x_bucket{le="+Inf"} 2';
  const sum = 'x_sum 3';
  const count = 'x_count 2';

  test('is filled in if the block is the whole body', () => {
    const all = lines(bucket, infinite, sum, count);
    assert.equal(stored(HISTOGRAM + lines(bucket, sum, count)), all);
    assert.equal(stored(HISTOGRAM + lines(bucket, infinite, sum)), all);
    assert.equal(stored(HISTOGRAM + lines(infinite)), lines(infinite, 'x_sum 0', count));
    assert.equal(stored(HISTOGRAM + lines(count)), lines(infinite, 'x_sum 0', count));
    assert.equal(
      stored(SUMMARY + lines('x{quantile="1"} 1')),
      lines('x{quantile="1"} 1', 'x_sum 0', 'x_count 0'),
    );
    assert.equal(stored(SUMMARY + lines(sum)), lines(sum, 'x_count 0'));
  });

  test('neither +Inf nor _count: the number of observations is unknown', () => {
    for (const part of [[bucket], [sum], [bucket, sum]]) {
      const { rejected, messages } = parse(HISTOGRAM + lines(...part));
      assert.deepEqual(rejected, { incomplete_histogram: part.length });
      assert.match(messages[0], /it has neither _count nor the bucket \+Inf/);
    }
  });

  test('in a block of a longer body the instance was torn, and is refused whole', () => {
    const CASES: ReadonlyArray<readonly [string[], RegExp]> = [
      [[bucket, infinite, sum], /it has no _count/],
      [[bucket, infinite, count], /it has no _sum/],
      [[sum, count], /it has no _bucket/],
      [[count], /it has no _bucket/],
    ];
    for (const [part, message] of CASES) {
      const { rejected, messages, entries } = parse(HISTOGRAM + lines(...part), { whole: false });
      assert.deepEqual(entries, []);
      assert.deepEqual(rejected, { incomplete_histogram: part.length });
      assert.match(messages[0], message);
    }
    for (const part of [['x{quantile="1"} 1'], [sum], [count, 'x{quantile="1"} 1']]) {
      assert.deepEqual(parse(SUMMARY + lines(...part), { whole: false }).rejected, {
        incomplete_histogram: part.length,
      });
    }
  });

  test('+Inf may be missing in any block, if the count is there', () => {
    assert.equal(stored(HISTOGRAM + lines(bucket, sum, count), false), lines(bucket, infinite, sum, count));
  });

  test('errors stand in order of their lines, whenever they were found', () => {
    const { errors } = parse(`${HISTOGRAM}bad\nx_sum{a="1"} 1\nbad\nx_sum{a="2"} 1\nbad\n`);
    assert.deepEqual(
      errors.map(({ line }) => line),
      [2, 3, 4, 5, 6],
    );
    const many = parse(
      `${HISTOGRAM}${lines(...Array.from({ length: 40 }, (_, i) => `x_sum{a="${i}"} 1`))}bad\n`,
    );
    assert.deepEqual(
      many.errors.map(({ line }) => line),
      Array.from({ length: 20 }, (_, i) => i + 2),
    );
    assert.deepEqual(many.rejected, { syntax: 1, incomplete_histogram: 40 });
  });
});
