import assert from 'node:assert/strict';
import { type Case, type Expectation, get, post, put, type Section } from '../case.ts';
import * as m from '../metric-messages.ts';
import { delimited } from '../protobuf.ts';

type Json = Record<string, unknown>;
const LABELS = { instance: '', job: 'j' };
const HISTOGRAM =
  '# HELP h Of h.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n';
const SUMMARY = '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.99"} NaN\ns_sum 3.5\ns_count 2\n';

/** The answer's groups; the times in them are looked at and taken away. */
function groups(check: (groups: Json[]) => void): Expectation {
  return {
    status: 200,
    headers: { 'content-type': /^application\/json/, 'access-control-allow-origin': '*' },
    check: ({ body }) => {
      const { status, data } = JSON.parse(body.toString()) as { status: string; data: Json[] };
      assert.equal(status, 'success');
      for (const group of data) {
        for (const family of Object.values(group) as Json[]) {
          if (family === null || typeof family !== 'object' || !('time_stamp' in family)) continue;
          assert.ok(Math.abs(Date.parse(family['time_stamp'] as string) - Date.now()) < 60_000);
          delete family['time_stamp'];
        }
      }
      check(data);
    },
  };
}

/** Series come in the order of their blocks, and where these end depends on the secret of the deployment. */
function inOrder(family: unknown): unknown {
  const { metrics, ...rest } = family as { metrics: ReadonlyArray<{ labels: Json }> };
  const key = ({ labels }: { labels: Json }): string => JSON.stringify(Object.entries(labels).sort());
  return { ...rest, metrics: [...metrics].sort((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

function families(body: string | Buffer, expected: Json, headers = {}): Pick<Case, 'requests' | 'expect'> {
  return {
    requests: [put('/metrics/job/j', body, headers), get('/api/v1/metrics')],
    expect: [
      200,
      groups(([group]) => {
        for (const [name, family] of Object.entries(expected)) {
          assert.deepEqual(inOrder(group[name]), inOrder(family));
        }
      }),
    ],
  };
}

const values: Case[] = [
  {
    name: 'a gauge',
    ...families('# HELP g Of g.\n# TYPE g gauge\ng{a="b"} -0.001\n', {
      g: { type: 'GAUGE', help: 'Of g.', metrics: [{ labels: { a: 'b', ...LABELS }, value: '-0.001' }] },
    }),
  },
  {
    name: 'a counter and an untyped series',
    ...families('# TYPE c counter\nc 10000000000\nu 1\n', {
      c: { type: 'COUNTER', metrics: [{ labels: LABELS, value: '1e+10' }] },
      u: { type: 'UNTYPED', metrics: [{ labels: LABELS, value: '1' }] },
    }),
  },
  {
    name: 'numbers as Go writes them',
    ...families(
      'm{a="1"} Inf\nm{a="2"} -Inf\nm{a="3"} NaN\nm{a="4"} 1e21\nm{a="5"} 1e20\nm{a="6"} 0.0001\nm{a="7"} 0.00001\n',
      {
        m: {
          type: 'UNTYPED',
          metrics: ['+Inf', '-Inf', 'NaN', '1e+21', '1e+20', '0.0001', '1e-05'].map((value, i) => ({
            labels: { a: String(i + 1), ...LABELS },
            value,
          })),
        },
      },
    ),
  },
  {
    name: 'a histogram',
    ...families(HISTOGRAM, {
      h: {
        type: 'HISTOGRAM',
        help: 'Of h.',
        metrics: [{ labels: LABELS, buckets: { '1': '1', '+Inf': '2' }, count: '2', sum: '3' }],
      },
    }),
  },
  {
    name: 'a summary',
    ...families(SUMMARY, {
      s: {
        type: 'SUMMARY',
        metrics: [{ labels: LABELS, quantiles: { '0.5': '1', '0.99': 'NaN' }, count: '2', sum: '3.5' }],
      },
    }),
  },
];

export const JSON_API: Section = {
  title: 'A.14 the JSON of metrics',
  cases: [
    {
      name: 'nothing',
      requests: [get('/api/v1/metrics')],
      expect: [groups((data) => assert.deepEqual(data, []))],
    },
    ...values,
    {
      name: 'labels and push times of a group',
      requests: [put('/metrics/job/j/a/b'), get('/api/v1/metrics')],
      expect: [
        200,
        groups(([group]) => {
          assert.deepEqual(group['labels'], { a: 'b', job: 'j' });
          assert.equal(group['last_push_successful'], true);
          const time = group['push_time_seconds'] as {
            type: string;
            metrics: Array<{ labels: Json; value: string }>;
          };
          assert.equal(time.type, 'GAUGE');
          assert.deepEqual(time.metrics[0].labels, { a: 'b', ...LABELS });
          assert.ok(Math.abs(Number(time.metrics[0].value) - Date.now() / 1000) < 60);
          const failure = group['push_failure_time_seconds'] as typeof time;
          assert.equal(failure.metrics[0].value, '0');
        }),
      ],
    },
    {
      name: 'a push that was refused',
      requests: [
        put('/metrics/job/j', 'm 1 1\n'),
        get('/api/v1/metrics'),
        post('/metrics/job/j'),
        get('/api/v1/metrics'),
      ],
      expect: [
        400,
        groups(([group]) => assert.equal(group['last_push_successful'], false)),
        200,
        groups(([group]) => assert.equal(group['last_push_successful'], true)),
      ],
    },
    {
      name: 'each group is one object',
      requests: [
        put('/metrics/job/i'),
        put('/metrics/job/j'),
        put('/metrics/job/j/a/'),
        get('/api/v1/metrics'),
      ],
      expect: [
        200,
        200,
        200,
        groups((data) =>
          assert.deepEqual(data.map((group) => JSON.stringify(group['labels'])).sort(), [
            '{"a":"","job":"j"}',
            '{"job":"i"}',
            '{"job":"j"}',
          ]),
        ),
      ],
    },
    {
      name: 'a native histogram',
      ...families(
        delimited(m.family('h', m.HISTOGRAM, m.nativeHistogram())),
        {
          h: { type: 'HISTOGRAM', metrics: [{ labels: LABELS, buckets: {}, count: '6', sum: '8' }] },
        },
        { 'Content-Type': m.PROTOBUF },
      ),
      ours: {
        why: 'native-histograms-in-json',
        expect: [
          200,
          groups(([group]) => {
            const [metric] = (group['h'] as { metrics: Array<{ buckets: unknown }> }).metrics;
            assert.deepEqual(metric.buckets, [
              [3, '-0.001', '0.001', '2'],
              [0, '0.5', '1', '1'],
              [0, '1', '2', '2'],
              [0, '2', '4', '1'],
            ]);
          }),
        ],
      },
    },
    {
      name: 'a family named labels',
      requests: [put('/metrics/job/j', 'labels 1\n'), get('/api/v1/metrics')],
      expect: [200, groups(([group]) => assert.equal((group['labels'] as Json)['type'], 'UNTYPED'))],
      ours: {
        why: 'family-named-labels',
        expect: [200, groups(([group]) => assert.deepEqual(group['labels'], { job: 'j' }))],
      },
    },
  ],
};
