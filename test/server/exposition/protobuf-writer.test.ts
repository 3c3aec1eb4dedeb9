import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Escaping } from '../../../src/server/exposition/escaping.ts';
import { splitSeconds } from '../../../src/server/exposition/protobuf-metric.ts';
import { ProtobufWriter } from '../../../src/server/exposition/protobuf-writer.ts';
import { type Message, messagesOf, nativeExtra } from './metrics-proto.ts';
import { bytesOf, type Family } from './written.ts';

const protobuf = (families: readonly Family[], escaping: Escaping = 'underscores'): Message[] =>
  messagesOf(bytesOf(new ProtobufWriter(escaping), families));

test('nothing is nothing', () => {
  assert.deepEqual(protobuf([]), []);
});

test('plain types', () => {
  const types: ReadonlyArray<readonly [string, string, string]> = [
    ['gauge', 'GAUGE', 'gauge'],
    ['counter', 'COUNTER', 'counter'],
    ['untyped', 'UNTYPED', 'untyped'],
    ['info', 'GAUGE', 'gauge'],
    ['stateset', 'GAUGE', 'gauge'],
  ];
  for (const [type, shown, field] of types) {
    const lines = 'm 1\nm{a="",b="x\\"\\\\\\ny é"} -1.5e+300 1700000000123\nm{c="d"} NaN -5\n';
    assert.deepEqual(protobuf([{ name: 'm', type, help: 'a\\\\b\\nc "d"', unit: 'u', lines }]), [
      {
        name: 'm',
        help: 'a\\b\nc "d"',
        type: shown,
        unit: 'u',
        metric: [
          { [field]: { value: 1 } },
          {
            label: [
              { name: 'a', value: '' },
              { name: 'b', value: 'x"\\\ny é' },
            ],
            [field]: { value: -1.5e300 },
            timestamp_ms: 1700000000123,
          },
          { label: [{ name: 'c', value: 'd' }], [field]: { value: Number.NaN }, timestamp_ms: -5 },
        ],
      },
    ]);
  }
});

test('exemplar and created time of a counter', () => {
  const lines = 'c_total 1 #c 1700000000.25 # {"t.i"="x",u=""} 0.5 1.000000001\nc_total{a="b"} 2 # {} +Inf\n';
  assert.deepEqual(protobuf([{ name: 'c_total', type: 'counter', lines }])[0]['metric'], [
    {
      counter: {
        value: 1,
        exemplar: {
          label: [
            { name: 't_i', value: 'x' },
            { name: 'u', value: '' },
          ],
          value: 0.5,
          timestamp: { seconds: 1, nanos: 1 },
        },
        created_timestamp: { seconds: 1700000000, nanos: 250_000_000 },
      },
    },
    {
      label: [{ name: 'a', value: 'b' }],
      counter: { value: 2, exemplar: { value: Number.POSITIVE_INFINITY } },
    },
  ]);
});

function histogram(lines: string, type = 'histogram'): Message[] {
  const [family] = protobuf([{ name: 'h', type, lines }]);
  return (family['metric'] as Message[]).map((metric) => metric['histogram'] as Message);
}

test('a histogram: the bucket of everything is implied', () => {
  const lines =
    'h_bucket{a="b",le="0.5"} 1 # {t="x"} 0.25\nh_bucket{a="b",le="1e+06"} 18446744073709551615\nh_bucket{a="b",le="+Inf"} 3\nh_sum{a="b"} 4.5\nh_count{a="b"} 3 #c 5\n';
  assert.deepEqual(protobuf([{ name: 'h', type: 'histogram', lines }])[0]['metric'], [
    {
      label: [{ name: 'a', value: 'b' }],
      histogram: {
        sample_count: 3,
        sample_sum: 4.5,
        bucket: [
          {
            cumulative_count: 1,
            upper_bound: 0.5,
            exemplar: { label: [{ name: 't', value: 'x' }], value: 0.25 },
          },
          { cumulative_count: 2 ** 64, upper_bound: 1e6 },
        ],
        created_timestamp: { seconds: 5 },
      },
    },
  ]);
});

test('unless it says more', () => {
  const infinite = { cumulative_count: 2, upper_bound: Number.POSITIVE_INFINITY };
  assert.deepEqual(histogram('h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 3\n'), [
    { sample_count: 3, sample_sum: 1, bucket: [infinite] },
  ]);
  assert.deepEqual(histogram('h_bucket{le="+Inf"} 2 # {} 9\nh_sum 1\nh_count 2\n'), [
    { sample_count: 2, sample_sum: 1, bucket: [{ ...infinite, exemplar: { value: 9 } }] },
  ]);
});

test('counts that are not whole make all of them floats', () => {
  assert.deepEqual(histogram('h_bucket{le="1"} 1.5\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n'), [
    { sample_count_float: 2, sample_sum: 1, bucket: [{ cumulative_count_float: 1.5, upper_bound: 1 }] },
  ]);
  assert.deepEqual(histogram('h_bucket{le="+Inf"} NaN\nh_sum 1\nh_count NaN\n'), [
    { sample_count_float: Number.NaN, sample_sum: 1 },
  ]);
});

const NATIVE = {
  schema: 3,
  zero_threshold: 0.001,
  zero_count: 1,
  positive_span: [{ offset: 0, length: 2 }],
  positive_delta: [1, 0],
};

test('native histograms come back, with classic buckets only where there were some', () => {
  const extra = nativeExtra(NATIVE);
  assert.deepEqual(histogram(`h_bucket{le="+Inf"} 3\nh_sum 1\nh_count 3 #n ${extra}\n`), [
    { sample_count: 3, sample_sum: 1, ...NATIVE },
  ]);
  assert.deepEqual(
    histogram(`h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 1\nh_count 3 #c 1 #n ${extra}\n`),
    [
      {
        sample_count: 3,
        sample_sum: 1,
        bucket: [{ cumulative_count: 2, upper_bound: 1 }],
        ...NATIVE,
        created_timestamp: { seconds: 1 },
      },
    ],
  );
});

test('instances one after another are metrics of their own, with their timestamps', () => {
  const instance = (labels: string, n: number, time: string): string =>
    `g_bucket{${labels}le="1"} ${n}${time}\ng_bucket{${labels}le="+Inf"} ${n}${time}\ng_sum${labels && `{${labels.slice(0, -1)}}`} ${n}${time}\ng_count${labels && `{${labels.slice(0, -1)}}`} ${n}${time}\n`;
  const [family] = protobuf([
    {
      name: 'g',
      type: 'gaugehistogram',
      lines: instance('', 1, '') + instance('a="b",', 2, ' 5') + instance('a="c",', 3, ''),
    },
  ]);
  assert.equal(family['type'], 'HISTOGRAM');
  const value = (n: number): Message => ({
    sample_count: n,
    sample_sum: n,
    bucket: [{ cumulative_count: n, upper_bound: 1 }],
  });
  assert.deepEqual(family['metric'], [
    { histogram: value(1) },
    { label: [{ name: 'a', value: 'b' }], histogram: value(2), timestamp_ms: 5 },
    { label: [{ name: 'a', value: 'c' }], histogram: value(3) },
  ]);
});

test('a gauge histogram is called one if it is native', () => {
  const lines = `g_bucket{le="+Inf"} 3\ng_sum 1\ng_count 3 #n ${nativeExtra(NATIVE)}\n`;
  const [family] = protobuf([{ name: 'g', type: 'gaugehistogram', lines }]);
  assert.equal(family['type'], 'GAUGE_HISTOGRAM');
});

test('summaries', () => {
  const lines =
    's{a="b",quantile="0.5"} 1.5\ns{a="b",quantile="0.99"} NaN\ns_sum{a="b"} 3\ns_count{a="b"} 2 #c 7\ns_sum 1\ns_count 2.5\n';
  assert.deepEqual(protobuf([{ name: 's', type: 'summary', lines }]), [
    {
      name: 's',
      type: 'SUMMARY',
      metric: [
        {
          label: [{ name: 'a', value: 'b' }],
          summary: {
            sample_count: 2,
            sample_sum: 3,
            quantile: [
              { quantile: 0.5, value: 1.5 },
              { quantile: 0.99, value: Number.NaN },
            ],
            created_timestamp: { seconds: 7 },
          },
        },
        { summary: { sample_count: 2, sample_sum: 1 } },
      ],
    },
  ]);
});

test('a count of a summary that is no count is the nearest one', () => {
  const counts: ReadonlyArray<readonly [string, number]> = [
    ['-1', 0],
    ['NaN', 0],
    ['2.9', 2],
    ['1e+300', 2 ** 64],
    ['+Inf', 2 ** 64],
  ];
  for (const [count, shown] of counts) {
    const [family] = protobuf([{ name: 's', type: 'summary', lines: `s_sum 1\ns_count ${count}\n` }]);
    assert.deepEqual(family['metric'], [{ summary: { sample_count: shown, sample_sum: 1 } }], count);
  }
});

test('names in quotes are escaped or kept', () => {
  const family = { name: 'my.m', type: 'gauge', lines: '{"my.m","a.b"="c"} 1\n' };
  const shown = (name: string, label: string): Message[] => [
    { name, type: 'GAUGE', metric: [{ label: [{ name: label, value: 'c' }], gauge: { value: 1 } }] },
  ];
  assert.deepEqual(protobuf([family]), shown('my_m', 'a_b'));
  assert.deepEqual(protobuf([family], 'allow-utf-8'), shown('my.m', 'a.b'));
});

test('a large family is several messages, and no metric is cut', () => {
  const pad = 'x'.repeat(1000);
  const lines = Array.from({ length: 10_000 }, (_, i) => `m{i="${i}",pad="${pad}"} ${i}\n`).join('');
  const messages = protobuf([{ name: 'm', type: 'gauge', help: 'h', lines }]);
  assert.equal(messages.length, 3);
  for (const { name, help, type } of messages)
    assert.deepEqual({ name, help, type }, { name: 'm', help: 'h', type: 'GAUGE' });
  const metrics = messages.flatMap(({ metric }) => metric as Array<{ gauge: { value: number } }>);
  assert.deepEqual(
    metrics.map(({ gauge }) => gauge.value),
    Array.from({ length: 10_000 }, (_, i) => i),
  );
});

test('decimal seconds', () => {
  const cases: ReadonlyArray<readonly [string, bigint, number]> = [
    ['0', 0n, 0],
    ['1.5', 1n, 500_000_000],
    ['1700000000.123456789', 1700000000n, 123_456_789],
    ['-1.25', -2n, 750_000_000],
    ['-3', -3n, 0],
    ['1.5e+09', 1500000000n, 0],
    ['NaN', 0n, 0],
  ];
  for (const [text, seconds, nanos] of cases) assert.deepEqual(splitSeconds(text), [seconds, nanos], text);
});
