import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { type Case, get, put, type Section } from '../case.ts';
import { PROTOBUF } from '../metric-messages.ts';
import { familiesOf, fieldsOf } from '../protobuf.ts';
import { pushedSeries } from '../pushed-series.ts';
import type { RawAnswer } from '../raw-exchange.ts';

const J = 'instance="",job="j"';
// Since 1.11 it ends with the escaping.
const TEXT = /^text\/plain; version=0\.0\.4; charset=utf-8(; escaping=underscores)?$/;
const M = /^m\{instance="",job="j"\} 1$/m;

const accepts: Case[] = [
  undefined,
  '*/*',
  'text/plain',
  'text/plain;version=0.0.4',
  'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'application/json',
  'nonsense',
].map((accept) => ({
  name: `text for Accept: ${accept ?? '(none)'}`,
  requests: [put('/metrics/job/j'), get('/metrics', accept === undefined ? {} : { Accept: accept })],
  expect: [200, { status: 200, body: M, headers: { 'content-type': TEXT, 'content-encoding': null } }],
}));

function commentsOf({ body }: RawAnswer): string[] {
  return body
    .toString()
    .split('\n')
    .filter((line) => /^# \w+ (z|a_m|push_time_seconds|push_failure_time_seconds) /.test(line))
    .map((line) => line.split(' ').slice(1, 3).join(' '));
}

/** Of the family `m`, in order of their labels. */
function valuesOf({ headers, body }: RawAnswer): number[] {
  if (!headers['content-type'].startsWith('application/vnd')) {
    const samples = [...pushedSeries(body.toString().replace('# EOF\n', '')).series];
    return samples.sort().map(([, value]) => value);
  }
  const metrics = familiesOf(body).get('m')?.metrics ?? [];
  return metrics.map((metric) => fieldsOf(metric.get(2)?.[0] as Buffer).get(1)?.[0] as number);
}

const OPENMETRICS =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

export const SCRAPING: Section = {
  title: 'A.12 scraping',
  cases: [
    ...accepts,
    {
      name: 'OpenMetrics, as Prometheus 2 asks',
      requests: [put('/metrics/job/j'), get('/metrics', { Accept: OPENMETRICS })],
      expect: [200, { status: 200, body: M, headers: { 'content-type': TEXT } }],
      ours: {
        why: 'openmetrics-scrapes',
        expect: [
          200,
          {
            status: 200,
            body: /^m\{instance="",job="j"\} 1(\.0)?\n[\s\S]*# EOF\n$/m,
            headers: { 'content-type': /^application\/openmetrics-text; version=1\.0\.0; charset=utf-8/ },
          },
        ],
      },
    },
    {
      name: 'protobuf',
      requests: [put('/metrics/job/j'), get('/metrics', { Accept: `${PROTOBUF};q=0.7,text/plain;q=0.3` })],
      expect: [
        200,
        {
          status: 200,
          headers: {
            'content-type':
              /^application\/vnd\.google\.protobuf; *proto=io\.prometheus\.client\.MetricFamily; *encoding=delimited/,
          },
          check: ({ body }) => {
            const families = familiesOf(body);
            assert.ok(
              families.has('m') &&
                families.has('push_time_seconds') &&
                families.has('push_failure_time_seconds'),
            );
          },
        },
      ],
    },
    ...['text', 'compact-text'].map(
      (encoding): Case => ({
        name: `protobuf as ${encoding}`,
        requests: [
          put('/metrics/job/j'),
          get('/metrics', {
            Accept: `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=${encoding}`,
          }),
        ],
        expect: [
          200,
          { status: 200, body: /name: ?"m"/, headers: { 'content-type': /encoding=(compact-)?text/ } },
        ],
        ours: {
          why: 'protobuf-text',
          expect: [200, { status: 200, body: M, headers: { 'content-type': /^text\/plain/ } }],
        },
      }),
    ),
    {
      name: 'gzip if asked for',
      requests: [put('/metrics/job/j'), get('/metrics', { 'Accept-Encoding': 'gzip' })],
      expect: [
        200,
        {
          status: 200,
          headers: { 'content-type': TEXT, 'content-encoding': 'gzip' },
          check: ({ body }) => assert.match(gunzipSync(body).toString(), M),
        },
      ],
    },
    {
      name: 'no other compression',
      requests: [put('/metrics/job/j'), get('/metrics', { 'Accept-Encoding': 'deflate, br, zstd' })],
      expect: [200, { status: 200, body: M, headers: { 'content-encoding': null } }],
    },
    {
      name: 'families are sorted by name; HELP, TYPE, samples',
      requests: [
        put('/metrics/job/j', '# HELP z Z.\n# TYPE z gauge\nz 1\n# HELP a_m A.\n# TYPE a_m counter\na_m 1\n'),
        get('/metrics'),
      ],
      expect: [
        200,
        {
          status: 200,
          check: (answer) =>
            assert.deepEqual(
              commentsOf(answer),
              ['a_m', 'push_failure_time_seconds', 'push_time_seconds', 'z'].flatMap((name) => [
                `HELP ${name}`,
                `TYPE ${name}`,
              ]),
            ),
        },
      ],
      ours: {
        why: 'order-of-families',
        expect: [
          200,
          {
            status: 200,
            check: (answer) =>
              assert.deepEqual(
                commentsOf(answer).sort(),
                ['HELP', 'TYPE'].flatMap((word) =>
                  ['a_m', 'push_failure_time_seconds', 'push_time_seconds', 'z'].map(
                    (name) => `${word} ${name}`,
                  ),
                ),
              ),
          },
        ],
      },
    },
    {
      name: 'a family of several groups comes once',
      requests: [put('/metrics/job/j'), put('/metrics/job/i'), get('/metrics')],
      expect: [
        200,
        200,
        {
          status: 200,
          check: ({ body }) => assert.equal(body.toString().match(/^# TYPE m untyped$/gm)?.length, 1),
        },
      ],
      scrape: [`m{${J}} 1`, 'm{instance="",job="i"} 1'],
    },
    {
      name: 'when a group ends',
      requests: [put('/metrics/job/j?ttl=26h'), get('/metrics')],
      expect: [200, { status: 200, body: /^(?![\s\S]*push_expiry_time_seconds)/ }],
      ours: {
        why: 'push-expiry',
        expect: [200, { status: 200, body: /^push_expiry_time_seconds\{instance="",job="j"\} \d/m }],
      },
    },
    {
      name: 'numbers as they were pushed',
      requests: [put('/metrics/job/j', 'm{a="1"} 1.0\nm{a="2"} infinity\n'), get('/metrics')],
      expect: [
        200,
        { status: 200, body: /^m\{a="1",instance="",job="j"\} 1\nm\{a="2",instance="",job="j"\} \+Inf$/m },
      ],
      ours: {
        why: 'number-spelling',
        expect: [200, { status: 200, body: /^m\{a="1",instance="",job="j"\} 1\.0$/m }],
      },
    },
    ...(
      [
        ['protobuf', PROTOBUF],
        ['OpenMetrics', OPENMETRICS],
      ] as const
    ).map(
      ([name, accept]): Case => ({
        name: `infinities in every spelling as ${name}`,
        requests: [
          put(
            '/metrics/job/j',
            '# TYPE m gauge\nm{a="1"} Inf\nm{a="2"} -INF\nm{a="3"} infinity\nm{a="4"} nan\n',
          ),
          get('/metrics', { Accept: accept }),
        ],
        expect: [
          200,
          {
            status: 200,
            check: (answer) =>
              assert.deepEqual(valuesOf(answer), [Infinity, -Infinity, Infinity, Number.NaN]),
          },
        ],
      }),
    ),
    {
      name: 'an empty gateway',
      requests: [get('/metrics')],
      expect: [{ status: 200, headers: { 'content-type': TEXT } }],
      scrape: [],
    },
    {
      name: 'own metrics among the pushed ones',
      requests: [get('/metrics')],
      expect: [{ status: 200, body: /^pushgateway_build_info\{.*version=".*"\} 1$/m }],
      ours: { why: 'own-metrics', expect: [{ status: 200, body: '' }] },
    },
    {
      name: 'a query string is ignored',
      requests: [put('/metrics/job/j'), get('/metrics?x=y'), get('/metrics?name[]=n')],
      expect: [200, { status: 200, body: M }, { status: 200, body: M }],
    },
    {
      name: 'an upper-case path',
      requests: [get('/METRICS')],
      expect: [301],
      ours: { why: 'no-redirects', expect: [404] },
    },
  ],
};

/** With the own metrics where the official gateway has them. */
export const OWN_METRICS: Section = {
  title: 'A.12 own metrics',
  oursArgs: ['--web.enable-admin-api', '--telemetry.in-metrics'],
  cases: [
    {
      name: 'the names of the official gateway',
      requests: [put('/metrics/job/j'), get('/-/healthy'), get('/metrics')],
      expect: [
        200,
        200,
        {
          status: 200,
          check: ({ body }) => {
            const text = body.toString();
            for (const line of [
              /^pushgateway_build_info\{.*version=".*"\} 1$/m,
              /^pushgateway_http_requests_total\{code="200",handler="push",method="put"\} \d+$/m,
              /^pushgateway_http_requests_total\{code="200",handler="healthy",method="get"\} \d+$/m,
              /^pushgateway_http_push_duration_seconds\{method="put",quantile="0.5"\} \S+$/m,
              /^pushgateway_http_push_duration_seconds_count\{method="put"\} \d+$/m,
              /^pushgateway_http_push_size_bytes_sum\{method="put"\} \S+$/m,
              /^process_cpu_seconds_total \S+$/m,
              /^m\{instance="",job="j"\} 1$/m,
            ])
              assert.match(text, line);
          },
        },
      ],
    },
  ],
};
