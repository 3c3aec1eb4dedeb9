import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import type { GroupFamily } from '../../../../src/redis/group-store.ts';
import { familyJson, isoTime } from '../../../../src/server/routes/api-v1/metric-json.ts';

function family(type: string, lines: readonly string[], more: Partial<GroupFamily> = {}): unknown {
  const pieces = lines.map((line) => ({ text: Buffer.from(line), features: 0 }));
  const whole = { name: 'm', type, help: undefined, unit: undefined, timeS: 1.5, pieces, ...more };
  return JSON.parse([...familyJson(whole as GroupFamily)].join(''));
}

test('a gauge', () => {
  assert.deepEqual(
    family('gauge', ['m{a="b",instance="",job="j"} -0.001\nm{a="\\"\\\\\\n",job="ü"} 1e6\n', 'm +Inf 17\n'], {
      help: 'one \\\\ two\\nthree "four"',
    }),
    {
      time_stamp: '1970-01-01T00:00:01.500000Z',
      type: 'GAUGE',
      help: 'one \\ two\nthree "four"',
      metrics: [
        { labels: { a: 'b', instance: '', job: 'j' }, value: '-0.001' },
        { labels: { a: '"\\\n', job: 'ü' }, value: '1e+06' },
        { labels: {}, value: '+Inf' },
      ],
    },
  );
});

test('numbers may be stored in any spelling', () => {
  const spelled = ['Inf', '+inf', '-Infinity', 'nan', '1e21', '.5', '5.', '1E-7', '+3'];
  const { metrics } = family('gauge', [spelled.map((value) => `m ${value}\n`).join('')]) as {
    metrics: Array<{ value: string }>;
  };
  assert.deepEqual(
    metrics.map(({ value }) => value),
    ['+Inf', '+Inf', '-Inf', 'NaN', '1e+21', '0.5', '5', '1e-07', '3'],
  );
});

test('types are those of the official gateway, in capitals', () => {
  const types = ['counter', 'gauge', 'untyped', 'info', 'stateset'].map(
    (type) => (family(type, ['m 1\n']) as { type: string }).type,
  );
  assert.deepEqual(types, ['COUNTER', 'GAUGE', 'UNTYPED', 'GAUGE', 'GAUGE']);
});

test('names and labels in quotes', () => {
  assert.deepEqual(family('gauge', ['{"m.x","a b"="{,}",job="j"} 1 # {trace="a"} 1\n']), {
    time_stamp: '1970-01-01T00:00:01.500000Z',
    type: 'GAUGE',
    metrics: [{ labels: { 'a b': '{,}', job: 'j' }, value: '1' }],
  });
});

test('histograms and summaries are one metric an instance', () => {
  const histogram = [
    'm_bucket{a="1",le="0.5"} 1 # {trace_id="x"} 0.3\nm_bucket{a="1",le="+Inf"} 2\nm_sum{a="1"} 3\nm_count{a="1"} 2 #c 1\n',
    'm_bucket{a="2",le="+Inf"} 0\nm_sum{a="2"} NaN\nm_count{a="2"} 0\n',
  ];
  for (const type of ['histogram', 'gaugehistogram']) {
    assert.deepEqual(family(type, histogram), {
      time_stamp: '1970-01-01T00:00:01.500000Z',
      type: 'HISTOGRAM',
      metrics: [
        { labels: { a: '1' }, buckets: { '0.5': '1', '+Inf': '2' }, count: '2', sum: '3' },
        { labels: { a: '2' }, buckets: { '+Inf': '0' }, count: '0', sum: 'NaN' },
      ],
    });
  }
  assert.deepEqual(
    family('summary', ['m{quantile="0.5"} 1\nm{quantile="0.99"} NaN\nm_sum 3.5\nm_count 2\n']),
    {
      time_stamp: '1970-01-01T00:00:01.500000Z',
      type: 'SUMMARY',
      metrics: [{ labels: {}, quantiles: { '0.5': '1', '0.99': 'NaN' }, count: '2', sum: '3.5' }],
    },
  );
});

test('a family whose name is in quotes has its instances too', () => {
  const lines = ['{"m.x_bucket",le="+Inf"} 1\n{"m.x_sum"} 2\n{"m.x_count"} 1\n'];
  const { metrics } = family('histogram', lines, { name: 'm.x' }) as { metrics: unknown[] };
  assert.deepEqual(metrics, [{ labels: {}, buckets: { '+Inf': '1' }, count: '1', sum: '2' }]);
});

test('times have microseconds', () => {
  assert.equal(isoTime(1_763_846_400.123456), '2025-11-22T21:20:00.123456Z');
  assert.equal(isoTime(0), '1970-01-01T00:00:00.000000Z');
});

test('native histograms have their own buckets', () => {
  const { Writer } = protobuf;
  const packed = (write: (writer: protobuf.Writer) => void): Uint8Array => {
    const writer = Writer.create();
    write(writer);
    return writer.finish();
  };
  const span = (offset: number, length: number): Uint8Array =>
    packed((writer) => writer.uint32(8).sint32(offset).uint32(16).uint32(length));
  const fields = packed((writer) =>
    writer
      .uint32((5 << 3) | 0)
      .sint32(0)
      .uint32((6 << 3) | 1)
      .double(0.001)
      .uint32((7 << 3) | 0)
      .uint64(4)
      .uint32((9 << 3) | 2)
      .bytes(span(1, 1))
      .uint32((10 << 3) | 2)
      .bytes(packed((deltas) => deltas.sint64(5)))
      .uint32((12 << 3) | 2)
      .bytes(span(0, 2))
      .uint32((12 << 3) | 2)
      .bytes(span(1, 1))
      // One by one, as proto2 has it by default.
      .uint32((13 << 3) | 0)
      .sint64(1)
      .uint32((13 << 3) | 0)
      .sint64(-1)
      .uint32((13 << 3) | 0)
      .sint64(2),
  );
  const native = Buffer.from(fields).toString('base64');
  const lines = [`m_bucket{le="+Inf"} 12\nm_sum 3\nm_count 12 #c 1.5 #n ${native}\n`];
  const { metrics } = family('histogram', lines) as { metrics: unknown[] };
  assert.deepEqual(metrics, [
    {
      labels: {},
      buckets: [
        [1, '-2', '-1', '5'],
        [3, '-0.001', '0.001', '4'],
        [0, '0.5', '1', '1'],
        [0, '4', '8', '2'],
      ],
      count: '12',
      sum: '3',
    },
  ]);
});
