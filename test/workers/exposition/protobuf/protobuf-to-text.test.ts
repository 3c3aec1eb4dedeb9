import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protobufToText } from '../../../../src/workers/exposition/protobuf/protobuf-to-text.ts';
import {
  delimited,
  encodeFamily,
  type FamilyModel,
  MetricType,
  message,
  nativeFields,
  tag,
} from '../../../support/metric-family.ts';

const EXEMPLAR = {
  labels: { trace_id: 'a"b' },
  value: 0.5,
  timestamp: { seconds: 1_700_000_000, nanos: 50_000_000 },
};

/** Schema 0, buckets (1, 2] and (2, 4] with 2 and 3 observations, one at zero: 6 in all. */
const NATIVE = nativeFields((writer) => {
  writer.uint32(tag(5, 0)).sint32(0);
  writer.uint32(tag(6, 1)).double(1e-128);
  writer.uint32(tag(7, 0)).uint64(1);
  message(writer, 12, (span) => {
    span.uint32(tag(1, 0)).sint32(1);
    span.uint32(tag(2, 0)).uint32(2);
  });
  writer.uint32(tag(13, 0)).sint64(2).uint32(tag(13, 0)).sint64(1);
});

function convert(...families: readonly FamilyModel[]): string {
  const { text, errors } = protobufToText(delimited(...families), { strict: true });
  assert.deepEqual(errors, []);
  return text.toString();
}

function problemOf(body: Buffer): string | undefined {
  const { problem, text, errors } = protobufToText(body, { strict: true });
  assert.equal(text.length, 0);
  assert.equal(errors[0]?.message, problem?.message);
  return problem && `${problem.kind}: ${problem.message}`;
}

test('families of one value', () => {
  const text = convert(
    {
      name: 'c_total',
      help: 'a\\b\n"c"',
      type: MetricType.COUNTER,
      unit: 'u',
      metrics: [{ labels: { a: 'x\\"\n' }, counter: { value: 3 } }],
    },
    {
      name: 'g',
      type: MetricType.GAUGE,
      metrics: [{ gauge: -0.5 }, { labels: { b: 'Π' }, gauge: Number.NaN, timestampMs: -12 }],
    },
    {
      name: 'u',
      type: MetricType.UNTYPED,
      metrics: [{ untyped: 1e21 }, { labels: { a: '' }, untyped: -Infinity }],
    },
    { name: 'default_type', metrics: [{ counter: { value: 1234567 } }] },
  );
  assert.equal(
    text,
    `# HELP c_total a\\\\b\\n"c"
# TYPE c_total counter
# UNIT c_total u
c_total{a="x\\\\\\"\\n"} 3
# TYPE g gauge
g -0.5
g{b="Π"} NaN -12
# TYPE u untyped
u 1e+21
u{a=""} -Inf
# TYPE default_type counter
default_type 1.234567e+06
`,
  );
});

test('created times and exemplars', () => {
  const created = { seconds: 1_600_000_000, nanos: 120_000_000 };
  const text = convert(
    {
      name: 'c',
      type: MetricType.COUNTER,
      metrics: [{ counter: { value: 1, exemplar: EXEMPLAR, created } }],
    },
    {
      name: 's',
      type: MetricType.SUMMARY,
      metrics: [
        {
          labels: { a: 'b' },
          summary: {
            count: 2,
            sum: 3.5,
            quantiles: [
              [0.5, 1],
              [0.99, Number.NaN],
            ],
            created,
          },
        },
      ],
    },
    {
      name: 'early',
      type: MetricType.COUNTER,
      metrics: [{ counter: { value: 1, created: { seconds: -1 } } }],
    },
  );
  assert.equal(
    text,
    `# TYPE c counter
c 1 #c 1600000000.12 # {trace_id="a\\"b"} 0.5 1700000000.05
# TYPE s summary
s{a="b",quantile="0.5"} 1
s{a="b",quantile="0.99"} NaN
s_sum{a="b"} 3.5
s_count{a="b"} 2 #c 1600000000.12
# TYPE early counter
early 1
`,
  );
});

test('histograms get their +Inf bucket from the count, unless it is there', () => {
  const buckets = [
    { le: 1, count: 1, exemplar: EXEMPLAR },
    { le: 2.5, countFloat: 1.5 },
  ];
  const text = convert(
    {
      name: 'h',
      type: MetricType.HISTOGRAM,
      metrics: [{ labels: { a: 'b' }, histogram: { count: 300, sum: 7, buckets } }],
    },
    {
      name: 'i',
      type: MetricType.HISTOGRAM,
      metrics: [
        { histogram: { countFloat: 2.5, count: 9, sum: -1, buckets: [{ le: Infinity, countFloat: 2.5 }] } },
      ],
    },
    { name: 'gh', type: MetricType.GAUGE_HISTOGRAM, metrics: [{ histogram: { count: 2 ** 53, sum: 0 } }] },
  );
  assert.equal(
    text,
    `# TYPE h histogram
h_bucket{a="b",le="1"} 1 # {trace_id="a\\"b"} 0.5 1700000000.05
h_bucket{a="b",le="2.5"} 1.5
h_bucket{a="b",le="+Inf"} 300
h_sum{a="b"} 7
h_count{a="b"} 300
# TYPE i histogram
i_bucket{le="+Inf"} 2.5
i_sum -1
i_count 2.5
# TYPE gh gaugehistogram
gh_bucket{le="+Inf"} 9.007199254740992e+15
gh_sum 0
gh_count 9.007199254740992e+15
`,
  );
});

test('the fields of a native histogram are kept as they are, unknown ones are left out', () => {
  const unknown = nativeFields((writer) => writer.uint32(tag(99, 0)).uint32(1));
  const text = convert({
    name: 'n',
    type: MetricType.HISTOGRAM,
    metrics: [
      {
        histogram: {
          count: 6,
          sum: 9,
          created: { seconds: 5 },
          native: Buffer.concat([unknown, NATIVE, unknown]),
        },
      },
    ],
  });
  assert.equal(
    text,
    `# TYPE n histogram
n_bucket{le="+Inf"} 6
n_sum 9
n_count 6 #c 5 #n ${Buffer.from(NATIVE).toString('base64')}
`,
  );
});

test('native histograms that would make Prometheus drop the scrape are refused', () => {
  const of = (native: Uint8Array, count = 6): string | undefined =>
    problemOf(
      delimited({
        name: 'n',
        type: MetricType.HISTOGRAM,
        metrics: [{ histogram: { count, sum: 1, native } }],
      }),
    );
  assert.match(of(NATIVE, 7) ?? '', /^check: .*6 observations in its buckets and a count of 7/);
  const delta = nativeFields((writer) => writer.uint32(tag(13, 0)).sint64(-1));
  assert.match(of(Buffer.concat([NATIVE, delta])) ?? '', /^check: .*not as many as its spans say/);
  const schema = nativeFields((writer) => writer.uint32(tag(5, 0)).sint32(9));
  assert.match(of(Buffer.concat([NATIVE, schema])) ?? '', /^check: .*unknown schema 9/);
  const wireType = nativeFields((writer) => writer.uint32(tag(5, 2)).string('x'));
  assert.match(of(wireType) ?? '', /^syntax: proto: cannot parse invalid wire-format data/);
});

test('names outside the classic alphabet are in quotes', () => {
  const metrics = [{ labels: { 'l.x': '1', 'q"': '2' }, histogram: { count: 0, sum: 0 } }];
  assert.equal(
    convert(
      { name: 'my.h', help: 'h', type: MetricType.HISTOGRAM, metrics },
      { name: '"\\\n', type: MetricType.GAUGE, metrics: [{ gauge: 1 }] },
    ),
    `# HELP "my.h" h
# TYPE "my.h" histogram
{"my.h_bucket","l.x"="1","q\\""="2",le="+Inf"} 0
{"my.h_sum","l.x"="1","q\\""="2"} 0
{"my.h_count","l.x"="1","q\\""="2"} 0
# TYPE "\\"\\\\\\n" gauge
{"\\"\\\\\\n"} 1
`,
  );
});

test('of two messages of one name the last counts in strict mode; a family without metrics is none', () => {
  const gauge = (name: string, ...values: number[]): FamilyModel => ({
    name,
    type: MetricType.GAUGE,
    metrics: values.map((value) => ({ labels: { v: String(value) }, gauge: value })),
  });
  const families = [gauge('a', 1, 2), gauge('b', 3), gauge('a', 4), gauge('none')];
  assert.equal(convert(...families), '# TYPE b gauge\nb{v="3"} 3\n# TYPE a gauge\na{v="4"} 4\n');
  assert.equal(convert(...families, gauge('a')), '# TYPE b gauge\nb{v="3"} 3\n');
  const { text, lines, sourceLines } = protobufToText(delimited(...families), { strict: false });
  assert.equal(text.toString().match(/^a\{/gm)?.length, 3);
  assert.deepEqual([[...(lines ?? [])], sourceLines], [[1, 1, 1, 2, 2, 3, 3], 4]);
});

test('a value of another kind than the type, bad names and bad UTF-8 are found by the check', () => {
  const gauge = { labels: { a: 'b' }, gauge: 1 };
  assert.equal(
    problemOf(delimited({ name: 'm', type: MetricType.SUMMARY, metrics: [gauge] })),
    'check: collected metric "m" { label:{name:"a" value:"b"} } is not a SUMMARY',
  );
  assert.match(problemOf(delimited({ name: 'm', type: 7, metrics: [gauge] })) ?? '', /unknown type 7/);
  assert.match(problemOf(delimited({ name: '', metrics: [] })) ?? '', /has an empty name/);
  const noName = { labels: { '': 'b' }, gauge: 1 };
  assert.match(
    problemOf(delimited({ name: 'm', type: MetricType.GAUGE, metrics: [noName] })) ?? '',
    /has a label with an invalid name: ""/,
  );
  for (const family of [
    { name: 'XX', type: MetricType.GAUGE, metrics: [gauge] },
    { name: 'm', help: 'XX', type: MetricType.GAUGE, metrics: [gauge] },
    { name: 'm', type: MetricType.GAUGE, metrics: [{ labels: { XX: 'v' }, gauge: 1 }] },
    { name: 'm', type: MetricType.GAUGE, metrics: [{ labels: { a: 'XX' }, gauge: 1 }] },
    { name: 'm', metrics: [{ counter: { value: 1, exemplar: { labels: { a: 'XX' }, value: 1 } } }] },
  ]) {
    const body = delimited(family);
    body.write('\xff\xfe', body.indexOf('XX'), 'latin1');
    assert.match(problemOf(body) ?? '', /^check: .*invalid UTF-8/);
  }
});

test('an exemplar that no format may show is left out', () => {
  const of = (labels: Record<string, string>): string =>
    convert({ name: 'c', metrics: [{ counter: { value: 1, exemplar: { labels, value: 2 } } }] });
  assert.match(of({ a: 'Π'.repeat(127) }), / # \{a="Π+"\} 2\n$/);
  assert.match(of({ a: 'Π'.repeat(128) }), /c 1\n$/);
  assert.match(of({ '': 'x' }), /c 1\n$/);
});

test('in the other mode what is not consistent is left out, and an unreadable message ends the body', () => {
  const good: FamilyModel = { name: 'good', type: MetricType.GAUGE, metrics: [{ gauge: 1 }] };
  const mixed: FamilyModel = {
    name: 'mixed',
    type: MetricType.GAUGE,
    metrics: [{ untyped: 1 }, { gauge: 2 }],
  };
  const bad = Buffer.from([0x0a, 0x05, 0x61]);
  const result = protobufToText(delimited(good, mixed, bad, good), { strict: false });
  assert.equal(result.text.toString(), '# TYPE good gauge\ngood 1\n# TYPE mixed gauge\nmixed 2\n');
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [2, 3],
  );
  assert.deepEqual(result.rejected, { syntax: 2 });
  assert.equal(result.problem?.kind, 'syntax');
});

test('a body that is cut anywhere is told so, and no byte of it crashes the reader', () => {
  const family = encodeFamily({
    name: 'n',
    type: MetricType.HISTOGRAM,
    metrics: [{ labels: { a: 'b' }, histogram: { count: 6, sum: 9, native: NATIVE } }],
  });
  const body = delimited(family);
  for (let length = 1; length < body.length; length++) {
    assert.equal(problemOf(body.subarray(0, length)), 'syntax: unexpected EOF');
  }
  for (let i = 0; i < body.length; i++) {
    for (const byte of [0, 0x7f, 0x80, 0xff, body[i] ^ 1, body[i] ^ 7]) {
      const changed = Buffer.from(body);
      changed[i] = byte;
      protobufToText(changed, { strict: true });
      protobufToText(changed, { strict: false });
    }
  }
});

test('bad varints, lengths without end and nested groups are errors', () => {
  const overflow = 'syntax: proto: variable length integer overflow';
  assert.equal(problemOf(Buffer.alloc(11, 0xff)), overflow);
  assert.equal(problemOf(Buffer.from('ffffffffffffffffff02', 'hex')), overflow);
  // 2^63, and 2^31.
  assert.equal(problemOf(Buffer.from('80808080808080808001', 'hex')), 'syntax: unexpected EOF');
  assert.equal(problemOf(Buffer.from('8080808008', 'hex')), 'syntax: unexpected EOF');
  const groups = Buffer.concat([Buffer.alloc(100_000, tag(9, 3)), Buffer.alloc(100_000, tag(9, 4))]);
  assert.match(problemOf(delimited(groups)) ?? '', /^syntax: proto: cannot parse invalid wire-format data/);
  const few = Buffer.concat([Buffer.alloc(50, tag(9, 3)), Buffer.alloc(50, tag(9, 4))]);
  assert.equal(problemOf(delimited(Buffer.concat([few, encodeFamily({ name: 'm' })]))), undefined);
  assert.match(problemOf(delimited(Buffer.from([tag(9, 3), tag(10, 4)]))) ?? '', /^syntax/);
  assert.match(problemOf(delimited(Buffer.from([tag(1, 0), 1]))) ?? '', /^syntax/);
});

test('a body that would grow without bound as text is refused, and so are more buckets than anybody has', () => {
  const buckets = (count: number): { le: number }[] => Array.from({ length: count }, (_, i) => ({ le: i }));
  const histogram = (labels: Record<string, string>, count: number): Buffer =>
    delimited({
      name: 'h',
      type: MetricType.HISTOGRAM,
      metrics: [{ labels, histogram: { buckets: buckets(count) } }],
    });
  assert.match(
    problemOf(histogram({ a: 'x'.repeat(100_000) }, 1_000)) ?? '',
    /^syntax: the body would be longer than \d+ bytes as text/,
  );
  assert.match(problemOf(histogram({}, 100_001)) ?? '', /^syntax: a metric has more than 100000 buckets/);
  const { text } = protobufToText(histogram({ a: 'x'.repeat(100) }, 10_000), { strict: true });
  assert.equal(text.toString().match(/\n/g)?.length, 10_000 + 4);
});

test('metrics without anything in them are counted, not kept', () => {
  const family = nativeFields((writer) => {
    writer.uint32(tag(1, 2)).string('m');
    for (let i = 0; i < 300_000; i++) writer.uint32(tag(4, 2)).uint32(0);
  });
  const { rejected, errors } = protobufToText(delimited(family), { strict: false });
  assert.deepEqual(rejected, { syntax: 300_000 });
  assert.equal(errors.length, 20);
});
