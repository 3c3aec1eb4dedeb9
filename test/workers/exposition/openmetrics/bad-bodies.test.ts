import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetricsToText } from '../../../../src/workers/exposition/openmetrics/open-metrics-to-text.ts';

const HISTOGRAM = '# TYPE h histogram\n';

/** What is wrong, the line that it is told of, the lines before `# EOF`. */
const CASES: ReadonlyArray<readonly [problem: string, line: number, lines: string]> = [
  // Order and grouping.
  ['Expected no empty line', 2, 'a 1\n\nb 1'],
  ['Expected no empty line', 1, '\na 1'],
  ['Expected nothing after # EOF', 3, 'a 1\n# EOF'],
  ['Expected no name twice, and there is another a', 3, 'a 1\nb 1\na{x="1"} 1'],
  [
    'Expected the lines of a family together, and no name twice',
    3,
    '# TYPE a gauge\n# TYPE b gauge\n# TYPE a gauge',
  ],
  ['Expected the lines of a family together, and no name twice', 2, `${HISTOGRAM}# TYPE h_count gauge`],
  ['Expected no name twice, and there is another i_info', 3, 'i_info 1\n# HELP i x\n# TYPE i info'],
  ['Expected no name twice, and there is another a', 2, '# TYPE a counter\na 1'],
  [
    'Expected the samples of a metric together',
    4,
    '# TYPE a counter\na_total{x="1"} 1\na_total{x="2"} 1\na_created{x="1"} 1',
  ],
  // Metadata.
  ['Expected TYPE before the samples', 2, 'a 1\n# TYPE a gauge'],
  ['Expected one TYPE for a family', 2, '# TYPE a gauge\n# TYPE a gauge'],
  ['Expected one HELP for a family', 2, '# HELP a 1\n# HELP a 1'],
  ['Expected one UNIT for a family', 2, '# UNIT a_s s\n# UNIT a_s s'],
  ['Expected a type of OpenMetrics', 1, '# TYPE a untyped'],
  ['Expected a type of OpenMetrics', 1, '# TYPE a gauge '],
  ['Expected a unit that the name of the family ends with', 1, '# UNIT a seconds'],
  ['Expected no unit for the type info', 2, '# TYPE a_s info\n# UNIT a_s s'],
  ['Expected no UNIT for the type stateset', 2, '# UNIT a_s s\n# TYPE a_s stateset'],
  ['Expected # HELP, # TYPE, # UNIT or # EOF', 1, '# a comment'],
  ['Expected # HELP, # TYPE, # UNIT or # EOF', 1, '#HELP a b'],
  ['Expected a blank and a text', 1, '# HELP a'],
  ['Expected a metric name after TYPE', 1, '# TYPE 0a gauge'],
  ['Expected a metric name', 1, ' # HELP a meh'],
  // Names, labels and values.
  ['Expected a metric name', 1, '0a 1'],
  ['Expected a metric name', 1, '{} 1'],
  ['Expected a metric name', 1, '{"a"="b"} 1'],
  ['Expected a metric name', 1, '{""} 1'],
  ['Expected a blank and a value', 1, 'a.b 1'],
  ['Expected a blank and a value', 1, 'a'],
  ['Expected a number as value', 1, 'a '],
  ['Expected a number as value', 1, 'a  1'],
  ['Expected a number as value', 1, 'a 1_2'],
  ['Expected a number as value', 1, 'a 0x10'],
  ['Expected a number as value', 1, 'a 1e999'],
  ['Expected a number of seconds as timestamp', 1, 'a 1 '],
  ['Expected a number of seconds as timestamp', 1, 'a 1 z'],
  ['Expected a number of seconds as timestamp', 1, 'a 1 NaN'],
  ['Expected a timestamp within 285,000 years of 1970', 1, 'a 1 1e300'],
  ['Expected an exemplar or the end of the line', 1, 'a 1 1 1'],
  ['Expected a number as value', 1, 'a 1\r'],
  ['Expected =" after a label name', 1, 'a{a=1} 1'],
  ['Expected =" after a label name', 1, "a{a='1'} 1"],
  ['Expected a quote after the label value', 1, 'a{a="1} 1'],
  ['Expected a quote after the label value', 1, 'a{a="\\'],
  ['Expected a quote after the label value', 1, 'a{a="1\n"} 1'],
  ['Expected "," or "}"', 1, 'a{a="1"b="2"} 1'],
  ['Expected a label name', 1, 'a{a="1",} 1'],
  ['Expected a label name', 1, 'a{a="1",,b="2"} 1'],
  ['Expected a label name', 1, 'a{0="1"} 1'],
  [
    'Expected at most 1000 labels',
    1,
    `a{${Array.from({ length: 1_001 }, (_, i) => `l${i}="x"`).join(',')}} 1`,
  ],
  ['Expected each label once', 1, 'a{a="1",b="1",a="2"} 1'],
  // What the types forbid.
  ['Expected a counter of at least 0', 2, '# TYPE a counter\na_total -1'],
  ['Expected a counter of at least 0', 2, '# TYPE a counter\na_total NaN'],
  ['Expected a sample with the suffix _total for a counter', 2, '# TYPE a counter\na_created 1'],
  ['Expected a number of seconds since 1970', 2, '# TYPE a counter\na_created NaN'],
  ['Expected each sample of a metric once', 3, '# TYPE a counter\na_total 1\na_total 1'],
  ['Expected 1 as value of an info', 2, '# TYPE a info\na_info 2'],
  ['Expected 0 or 1 as value of a state', 2, '# TYPE a stateset\na{a="x"} 2'],
  ['Expected a label named as the family in a stateset', 2, '# TYPE a stateset\na{b="x"} 1'],
  ['Expected a label quantile from 0 to 1', 2, '# TYPE a summary\na 1'],
  ['Expected a label quantile from 0 to 1', 2, '# TYPE a summary\na{quantile="1.5"} 1'],
  ['Expected a quantile of at least 0', 2, '# TYPE a summary\na{quantile="1"} -1'],
  ['Expected a whole number of at least 0', 2, '# TYPE a summary\na_count 1.5'],
  ['Expected a sum of at least 0', 2, '# TYPE a summary\na_sum -1'],
  ['Expected a number as sum', 2, `${HISTOGRAM}h_sum NaN`],
  ['Expected a label le with a number', 2, `${HISTOGRAM}h_bucket 1`],
  ['Expected a label le with a number', 2, `${HISTOGRAM}h_bucket{le="x"} 1`],
  ['Expected a label le with a number', 2, `${HISTOGRAM}h_bucket{le="NaN"} 1`],
  ['Expected a whole number of at least 0', 2, `${HISTOGRAM}h_bucket{le="1"} -1`],
  ['Expected a bucket with le="+Inf"', 2, `${HISTOGRAM}h_bucket{le="1"} 1`],
  ['Expected a bucket with le="+Inf"', 2, `${HISTOGRAM}h_count 1\nh_sum 1`],
  ['Expected buckets in order of le, each once', 3, `${HISTOGRAM}h_bucket{le="2"} 1\nh_bucket{le="1"} 1`],
  [
    'Expected buckets in order of le, each once',
    3,
    `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_bucket{le="+Inf"} 1`,
  ],
  [
    'Expected at least as many in a bucket as in the one before',
    3,
    `${HISTOGRAM}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1`,
  ],
  [
    'Expected _count to be the value of the bucket with le="+Inf"',
    2,
    `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_count 2\nh_sum 1`,
  ],
  ['Expected both _count and _sum, or neither', 2, `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_count 1`],
  [
    'Expected no _sum and _count beside buckets below zero',
    2,
    `${HISTOGRAM}h_bucket{le="-1"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1`,
  ],
  [
    'Expected no negative _gsum without buckets below zero',
    2,
    '# TYPE g gaugehistogram\ng_bucket{le="+Inf"} 1\ng_gcount 1\ng_gsum -1',
  ],
  [
    'Expected a timestamp on all samples of a metric or on none',
    3,
    `${HISTOGRAM}h_bucket{le="1"} 1 5\nh_bucket{le="+Inf"} 1`,
  ],
  ['Expected the points of a metric in order of time', 3, '# TYPE a counter\na_total 1 5\na_total 1 4'],
  // Exemplars.
  ['Expected an exemplar only on a counter or a bucket', 2, '# TYPE a gauge\na 1 # {} 1'],
  ['Expected an exemplar only on a counter or a bucket', 2, `${HISTOGRAM}h_count 1 # {} 1`],
  ['Expected an exemplar or the end of the line', 2, '# TYPE a counter\na_total 1 # a'],
  ['Expected an exemplar or the end of the line', 2, '# TYPE a counter\na_total 1 #{} 1'],
  ['Expected a blank and a value', 2, '# TYPE a counter\na_total 1 # {}'],
  ['Expected a blank and a value', 2, '# TYPE a counter\na_total 1 # {}1'],
  ['Expected a number of seconds as timestamp', 2, '# TYPE a counter\na_total 1 # {} 1 '],
  ['Expected each label of an exemplar once', 2, '# TYPE a counter\na_total 1 # {a="1",a="2"} 1'],
  [
    'Expected at most 128 characters of labels in an exemplar',
    2,
    `# TYPE a counter\na_total 1 # {a="${'Π'.repeat(128)}"} 1`,
  ],
];

for (const [problem, line, lines] of CASES) {
  test(`${problem}: ${JSON.stringify(lines.slice(0, 100))}`, () => {
    const body = Buffer.from(`${lines}\n# EOF\n`);
    const strict = openMetricsToText(body, { strict: true });
    assert.equal(strict.errors.length, 1);
    const [error] = strict.errors;
    assert.equal(error.line, line);
    assert.ok(
      error.message.startsWith(`OpenMetrics parsing error in line ${line}: ${problem}`),
      error.message,
    );
    assert.deepEqual(strict.problem, { kind: 'syntax', message: error.message });
    assert.equal(strict.text.length, 0);

    const lenient = openMetricsToText(body, { strict: false });
    assert.ok(lenient.errors[0].message.startsWith(problem), lenient.errors[0].message);
    assert.equal(lenient.problem, undefined);
    assert.ok(Object.values(lenient.rejected).reduce((sum, count) => sum + count, 0) > 0);
  });
}

test('a body without its end', () => {
  for (const body of ['', 'a 1\n', 'a 1\n# EOF \n', 'a 1\n#EOF\n']) {
    const { errors } = openMetricsToText(Buffer.from(body), { strict: true });
    assert.match(errors[0].message, /^OpenMetrics parsing error in line \d: Expected .*# EOF/);
  }
  const lenient = openMetricsToText(Buffer.from('a 1\nb 2\nc 3'), { strict: false });
  // The last line may be the half of one.
  assert.equal(lenient.text.toString(), 'a 1\nb 2\n');
  assert.deepEqual(
    lenient.errors.map(({ line }) => line),
    [3, 3],
  );
  assert.equal(lenient.problem?.message, 'Expected # EOF as the last line.');
});

test('invalid UTF-8 is refused where it stands', () => {
  const body = Buffer.from('a{a="XX"} 1\nb 1\n# HELP c XX\nc 1\n# EOF\n');
  body.fill(0xff, body.indexOf('XX'), body.indexOf('XX') + 2);
  body.fill(0xff, body.indexOf('XX'), body.indexOf('XX') + 2);
  const { text, errors, rejected } = openMetricsToText(body, { strict: false });
  assert.equal(text.toString(), 'b 1\nc 1\n');
  assert.deepEqual(
    errors.map(({ line }) => line),
    [1, 3],
  );
  assert.deepEqual(rejected, { syntax: 2 });
});

test('in the mode that is not strict the rest goes on, and a metric that does not fit together is left out whole', () => {
  const { text, errors, rejected, lines } = openMetricsToText(
    Buffer.from(`# TYPE h histogram
h_bucket{a="1",le="1"} 1
h_bucket{a="1",le="2"} 1
h_bucket{a="2",le="+Inf"} 1
# TYPE h_sum gauge
h_sum 3
h_sum{a="1"} 3
# TYPE c counter
c_total{a="1"} x
c_total{a="2"} 1
# EOF
more 1
more 2
`),
    { strict: false },
  );
  assert.equal(
    text.toString(),
    '# TYPE h histogram\nh_bucket{a="2",le="+Inf"} 1\n# TYPE c_total counter\nc_total{a="2"} 1\n',
  );
  assert.deepEqual([...(lines ?? [])], [1, 4, 8, 10]);
  assert.deepEqual(rejected, { incomplete_histogram: 2, syntax: 6 });
  assert.deepEqual(new Set(errors.map(({ line }) => line)), new Set([2, 5, 6, 7, 9, 12, 13]));
});
