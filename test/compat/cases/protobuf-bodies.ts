import assert from 'node:assert/strict';
import { type Case, type Expectation, get, put, refused, type Section } from '../case.ts';
import * as m from '../metric-messages.ts';
import { delimited, type Fields, familiesOf, fieldsOf, labelsOf } from '../protobuf.ts';

const J = 'instance="",job="j"';
const OK = `group {${J}} ok`;
const TYPE = { 'Content-Type': m.PROTOBUF };
const GAUGE = delimited(m.family('m', m.GAUGE, m.gauge(1)));
const ACCEPT = { Accept: m.PROTOBUF };

const types: Case[] = (
  [
    ['a gauge', m.family('m', m.GAUGE, m.gauge(-1.5)), [`m{${J}} -1.5`, '# TYPE m gauge']],
    ['a counter', m.family('m', m.COUNTER, m.counter(2)), [`m{${J}} 2`, '# TYPE m counter']],
    ['an untyped series', m.family('m', m.UNTYPED, m.untyped(2)), [`m{${J}} 2`, '# TYPE m untyped']],
    [
      'a summary',
      m.family(
        's',
        m.SUMMARY,
        m.summary(2, 3.5, [
          [0.5, 1],
          [0.99, Number.NaN],
        ]),
      ),
      [
        `s{${J},quantile="0.5"} 1`,
        `s{${J},quantile="0.99"} NaN`,
        `s_sum{${J}} 3.5`,
        `s_count{${J}} 2`,
        '# TYPE s summary',
      ],
    ],
    [
      'a histogram',
      m.family(
        'h',
        m.HISTOGRAM,
        m.histogram(3, 4.5, [m.bucket(1, 0.5), m.bucket(2, 1), m.bucket(3, Infinity)]),
      ),
      [
        `h_bucket{${J},le="0.5"} 1`,
        `h_bucket{${J},le="1"} 2`,
        `h_bucket{${J},le="+Inf"} 3`,
        `h_sum{${J}} 4.5`,
        `h_count{${J}} 3`,
        '# TYPE h histogram',
      ],
    ],
    [
      'a histogram without the last bucket',
      m.family('h', m.HISTOGRAM, m.histogram(3, 4.5, [m.bucket(1, 0.5)])),
      [`h_bucket{${J},le="0.5"} 1`, `h_bucket{${J},le="+Inf"} 3`, `h_sum{${J}} 4.5`, `h_count{${J}} 3`],
    ],
    [
      'a native histogram',
      m.family('h', m.HISTOGRAM, m.nativeHistogram()),
      [`h_bucket{${J},le="+Inf"} 6`, `h_sum{${J}} 8`, `h_count{${J}} 6`, '# TYPE h histogram'],
    ],
    [
      'labels',
      m.family('m', m.GAUGE, m.gauge(1, { b: 'x', a: 'é"\\\n', job: 'body' })),
      [`m{a="é\\"\\\\\\n",b="x",${J}} 1`],
    ],
    [
      'infinities',
      m.family('m', m.GAUGE, m.gauge(Infinity, { a: '1' }), m.gauge(-Infinity, { a: '2' })),
      [`m{a="1",${J}} +Inf`, `m{a="2",${J}} -Inf`],
    ],
    [
      'HELP',
      [...m.family('m', m.GAUGE, m.gauge(1)), [2, 'Of "m" \\ and\nmore.']],
      [`m{${J}} 1`, '# HELP m Of "m" \\\\ and\\nmore.'],
    ],
    ['a family without metrics', m.family('m', m.GAUGE), []],
  ] as ReadonlyArray<readonly [string, ReturnType<typeof m.family>, string[]]>
).map(([name, family, shown]) => ({
  name,
  requests: [put('/metrics/job/j', delimited(family), TYPE)],
  expect: [200],
  scrape: [...shown, OK],
}));

const contentTypes: Case[] = [
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'Application/Vnd.Google.Protobuf ; Encoding="delimited" ; Proto=io.prometheus.client.MetricFamily',
  `${m.PROTOBUF}; escaping=underscores`,
  `${m.PROTOBUF}; charset=utf-8`,
].map((type) => ({
  name: `the content type ${type}`,
  requests: [put('/metrics/job/j', GAUGE, { 'Content-Type': type })],
  expect: [200],
  scrape: [`m{${J}} 1`, OK],
}));

const otherTypes: Case[] = [
  'application/vnd.google.protobuf',
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily',
  'application/vnd.google.protobuf; encoding=delimited',
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text',
  'application/x-protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
].map((type) => ({
  name: `not protobuf: the content type ${type}`,
  requests: [put('/metrics/job/j', GAUGE, { 'Content-Type': type })],
  expect: [refused(/^text format parsing error in line 1: /)],
  scrape: [],
}));

const HISTOGRAM_WITH_EXEMPLAR = m.histogram(1, 1, [
  m.bucket(1, 2, [[3, m.exemplar(1.5, { trace_id: 'abc' })]]),
]);

const survivors: Case[] = [
  {
    name: 'a native histogram survives into a scrape as protobuf',
    requests: [
      put('/metrics/job/j', delimited(m.family('h', m.HISTOGRAM, m.nativeHistogram())), TYPE),
      get('/metrics', ACCEPT),
    ],
    expect: [
      200,
      shows('h', (metric) => {
        assert.equal(labelsOf(metric), J);
        const histogram = fieldsOf(metric.get(7)?.[0] as Buffer);
        assert.deepEqual([histogram.get(1), histogram.get(2)], [[6n], [8]]);
        assert.deepEqual([histogram.get(3), histogram.get(6), histogram.get(7)], [undefined, [0.001], [2n]]);
        assert.deepEqual(histogram.get(13)?.length, 3);
      }),
    ],
  },
  {
    name: 'an exemplar of a counter survives into a scrape as protobuf',
    requests: [
      put(
        '/metrics/job/j',
        delimited(
          m.family('c_total', m.COUNTER, m.counter(1, {}, [[2, m.exemplar(0.5, { trace_id: 'abc' })]])),
        ),
        TYPE,
      ),
      get('/metrics', ACCEPT),
    ],
    expect: [
      200,
      shows('c_total', (metric) => {
        const exemplar = fieldsOf(fieldsOf(metric.get(3)?.[0] as Buffer).get(2)?.[0] as Buffer);
        assert.equal(labelsOf(exemplar), 'trace_id="abc"');
        assert.deepEqual(exemplar.get(2), [0.5]);
      }),
    ],
  },
  {
    name: 'an exemplar of a bucket survives into a scrape as protobuf',
    requests: [
      put('/metrics/job/j', delimited(m.family('h', m.HISTOGRAM, HISTOGRAM_WITH_EXEMPLAR)), TYPE),
      get('/metrics', ACCEPT),
    ],
    expect: [
      200,
      shows('h', (metric) => {
        const bucket = fieldsOf(fieldsOf(metric.get(7)?.[0] as Buffer).get(3)?.[0] as Buffer);
        assert.deepEqual([bucket.get(1), bucket.get(2)], [[1n], [2]]);
        const exemplar = fieldsOf(bucket.get(3)?.[0] as Buffer);
        assert.equal(labelsOf(exemplar), 'trace_id="abc"');
      }),
    ],
  },
  {
    name: 'exemplars do not show in text',
    requests: [
      put('/metrics/job/j', delimited(m.family('h', m.HISTOGRAM, HISTOGRAM_WITH_EXEMPLAR)), TYPE),
      get('/metrics'),
    ],
    expect: [200, { status: 200, body: /^(?!.*trace_id)/s }],
  },
];

const errors: Case[] = [
  {
    name: 'an empty body is an empty push',
    requests: [put('/metrics/job/j'), put('/metrics/job/j', '', TYPE)],
    expect: [200, 200],
    scrape: [OK],
  },
  {
    name: 'a body that is cut off',
    requests: [put('/metrics/job/j', GAUGE.subarray(0, -1), TYPE)],
    expect: [refused('unexpected EOF')],
    scrape: [],
  },
  {
    name: 'a length that is no varint',
    requests: [put('/metrics/job/j', Buffer.alloc(12, 0xff), TYPE)],
    expect: [refused(/varint/)],
    scrape: [],
  },
  {
    name: 'a length beyond the body',
    requests: [put('/metrics/job/j', Buffer.from([0x7f, 1]), TYPE)],
    expect: [refused('unexpected EOF')],
    scrape: [],
  },
  {
    name: 'text as protobuf',
    requests: [put('/metrics/job/j', 'm 1\nn 2\n', TYPE)],
    expect: [400],
    scrape: [],
  },
  {
    name: 'two messages of one name: the last wins',
    requests: [
      put(
        '/metrics/job/j',
        delimited(
          m.family('m', m.GAUGE, m.gauge(1, { a: '1' })),
          m.family('m', m.GAUGE, m.gauge(2, { a: '2' })),
        ),
        TYPE,
      ),
    ],
    expect: [200],
    scrape: [`m{a="2",${J}} 2`, OK],
  },
  {
    name: 'a value of another kind than the type says',
    requests: [put('/metrics/job/j', delimited(m.family('m', m.COUNTER, m.gauge(1))), TYPE)],
    expect: [refused(/is not a COUNTER/)],
  },
  {
    name: 'a timestamp',
    requests: [
      put(
        '/metrics/job/j',
        delimited(m.family('m', m.GAUGE, [...m.gauge(1), [6, 1_700_000_000_000n]])),
        TYPE,
      ),
    ],
    expect: [refused(/pushed metrics must not have timestamps/)],
    scrape: [`group {${J}} refused`],
  },
  {
    name: 'a series twice',
    requests: [put('/metrics/job/j', delimited(m.family('m', m.GAUGE, m.gauge(1), m.gauge(2))), TYPE)],
    expect: [refused(/was collected before with the same name and label values/)],
    scrape: [`group {${J}} refused`],
  },
  {
    name: 'a value that is not UTF-8',
    requests: [
      put(
        '/metrics/job/j',
        delimited(
          m.family('m', m.GAUGE, [
            [
              1,
              [
                [1, 'a'],
                [2, Buffer.from([0xff])],
              ],
            ],
            [2, [[1, 1]]],
          ]),
        ),
        TYPE,
      ),
    ],
    expect: [refused(/utf-?8/i)],
  },
  {
    name: 'a label name that is not classic',
    requests: [put('/metrics/job/j', delimited(m.family('m', m.GAUGE, m.gauge(1, { 'a-b': '1' }))), TYPE)],
    expect: [refused(/invalid name: a-b|a-b/)],
    ours: { why: 'utf8-names', expect: [200], scrape: [`m{"a-b"="1",${J}} 1`] },
  },
  {
    name: 'a metric name that is not classic',
    requests: [put('/metrics/job/j', delimited(m.family('a-b', m.GAUGE, m.gauge(1))), TYPE), get('/metrics')],
    expect: [200, { status: 200, body: /^a-b\{/m }],
    ours: { why: 'unreadable-names', expect: [200, { status: 200, body: /^(a_b|U__a_2d_b|\{"a-b")/m }] },
  },
];

function shows(name: string, check: (metric: Fields) => void): Expectation {
  return {
    status: 200,
    headers: {
      'content-type':
        /^application\/vnd\.google\.protobuf; *proto=io\.prometheus\.client\.MetricFamily; *encoding=delimited/,
    },
    check: ({ body }) => check(familiesOf(body).get(name)?.metrics[0] ?? assert.fail(`${name} is missing`)),
  };
}

export const PROTOBUF_BODIES: Section = {
  title: 'A.8 protobuf bodies',
  cases: [...types, ...contentTypes, ...otherTypes, ...survivors, ...errors],
};
