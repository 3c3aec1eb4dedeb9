import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetricsToText } from '../../../../src/workers/exposition/openmetrics/open-metrics-to-text.ts';

/** Converts in both modes, which has to make no difference. */
function convert(body: string): { text: string; lines: number[] } {
  const strict = openMetricsToText(Buffer.from(body), { strict: true });
  const lenient = openMetricsToText(Buffer.from(body), { strict: false });
  assert.deepEqual(strict.errors, []);
  assert.deepEqual(lenient, strict);
  assert.equal(strict.problem, undefined);
  assert.equal(strict.sourceLines, body.replace(/\n$/, '').split('\n').length);
  return { text: strict.text.toString(), lines: [...(strict.lines ?? [])] };
}

test('each type becomes a family as the text format and protobuf name it', () => {
  const { text } = convert(
    `# TYPE c counter
c_total 1
# TYPE g gauge
g -0.5
# TYPE h histogram
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 2
h_count 2
h_sum 2.5
# TYPE gh gaugehistogram
gh_bucket{le="-1"} 1
gh_bucket{le="+Inf"} 2
gh_gcount 2
gh_gsum -2.5
# TYPE s summary
s{quantile="0.5"} NaN
s_count 2
s_sum 2.5
# TYPE i info
i_info{version="1"} 1
# TYPE st stateset
st{st="on",x="1"} 1
# TYPE u unknown
u +Inf
none 4
# TYPE no_samples gauge
# EOF
`.replace('# UNIT c\n', ''),
  );
  assert.equal(
    text,
    `# TYPE c_total counter
c_total 1
# TYPE g gauge
g -0.5
# TYPE h histogram
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 2
h_count 2
h_sum 2.5
# TYPE gh gaugehistogram
gh_bucket{le="-1"} 1
gh_bucket{le="+Inf"} 2
gh_count 2
gh_sum -2.5
# TYPE s summary
s{quantile="0.5"} NaN
s_count 2
s_sum 2.5
# TYPE i_info info
i_info{version="1"} 1
# TYPE st stateset
st{st="on",x="1"} 1
# TYPE u untyped
u +Inf
none 4
# TYPE no_samples gauge
`,
  );
});

test('metadata may come in any order, and each line of the text knows where it is from', () => {
  const { text, lines } = convert(`# UNIT a_seconds seconds
# TYPE a_seconds counter
# HELP a_seconds A \\"quoted\\" \\\\ and \\n and \\x
a_seconds_created 5
a_seconds_total 1
# HELP b${' '}
# TYPE b gauge
b 1
# EOF`);
  assert.equal(
    text,
    `# HELP a_seconds_total A "quoted" \\\\ and \\n and \\\\x
# TYPE a_seconds_total counter
# UNIT a_seconds_total seconds
a_seconds_total 1 #c 5
# TYPE b gauge
b 1
`,
  );
  assert.deepEqual(lines, [3, 2, 1, 5, 7, 8]);
});

test('created times stand on the line of the total or the count, wherever they came', () => {
  const { text } = convert(`# TYPE c counter
c_total{b="1",a="2"} 1 # {t="x"} 1
c_created{a="2",b="1"} 1.5e9
c_created{a="3"} 1520872607.123456789
c_total{a="3"} 2
# TYPE h histogram
h_bucket{a="1",le="+Inf"} 2
h_count{a="1"} 2
h_sum{a="1"} 2.5
h_created{a="1"} 7.25
h_created{a="2"} 8
h_bucket{a="2",le="+Inf"} 2
h_sum{a="2"} 2.5
h_count{a="2"} 2
# TYPE s summary
s_count 1
s_created 0
# TYPE only summary
only{quantile="1"} 3
only_created 9
# EOF
`);
  assert.equal(
    text,
    `# TYPE c_total counter
c_total{a="2",b="1"} 1 #c 1500000000 # {t="x"} 1
c_total{a="3"} 2 #c 1520872607.123456789
# TYPE h histogram
h_bucket{a="1",le="+Inf"} 2
h_count{a="1"} 2 #c 7.25
h_sum{a="1"} 2.5
h_bucket{a="2",le="+Inf"} 2
h_sum{a="2"} 2.5
h_count{a="2"} 2 #c 8
# TYPE s summary
s_count 1 #c 0
# TYPE only summary
only{quantile="1"} 3
`,
  );
});

test('timestamps become milliseconds; of several points of a metric the last one stays', () => {
  const { text } = convert(`a{a="1"} 1 0
a{a="2"} 1 1520879607.7891
a{a="3"} 1 -1.5e-3
# TYPE h histogram
h_bucket{le="+Inf"} 2 1
h_count 2 1
h_sum 2 1
h_bucket{le="+Inf"} 3 2.5
h_count 3 2.5
h_sum 3 2.5
# TYPE c counter
c_total 1 # {} 3 1.5
# EOF
`);
  assert.equal(
    text,
    `a{a="1"} 1 0
a{a="2"} 1 1520879607789
a{a="3"} 1 -1
# TYPE h histogram
h_bucket{le="+Inf"} 3 2500
h_count 3 2500
h_sum 3 2500
# TYPE c_total counter
c_total 1 # {} 3 1.5
`,
  );
});

test('names in quotes', () => {
  const { text } = convert(`# TYPE "my.c" counter
# HELP "my.c" h
{"my.c_total","l.x"="1",a="2"} 1 # {"e.x"="1"} 2
{"my.c_created",a="2","l.x"="1"} 3
# TYPE "classic" gauge
{"classic","a"="1"} 2
classic 3
# TYPE "h h" histogram
{"h h_bucket",le="+Inf"} 0
{"h\\"\\\\",a="\\\\\\"\\n\\t"} 1
# EOF
`);
  assert.equal(
    text,
    `# HELP "my.c_total" h
# TYPE "my.c_total" counter
{"my.c_total",a="2","l.x"="1"} 1 #c 3 # {"e.x"="1"} 2
# TYPE classic gauge
classic{a="1"} 2
classic 3
# TYPE "h h" histogram
{"h h_bucket",le="+Inf"} 0
{"h\\"\\\\",a="\\\\\\"\\n\\\\t"} 1
`,
  );
});

test('a piece of a longer body need not have the end of it', () => {
  const { errors, text } = openMetricsToText(Buffer.from('a 1\n'), { strict: false, last: false });
  assert.deepEqual([errors, text.toString()], [[], 'a 1\n']);
});

test('a sample of a thousand labels beside an exemplar', () => {
  const labels = Array.from({ length: 1_000 }, (_, i) => `l${String(i).padStart(3, '0')}="x"`);
  const { text } = convert(
    `# TYPE c counter\nc_total{${labels.toReversed().join(',')}} 1 # {a="b"} 1\n# EOF\n`,
  );
  assert.equal(text, `# TYPE c_total counter\nc_total{${labels.join(',')}} 1 # {a="b"} 1\n`);
});
