import assert from 'node:assert/strict';
import { test } from 'node:test';
import { put } from '../compat/case.ts';
import * as m from '../compat/metric-messages.ts';
import { delimited } from '../compat/protobuf.ts';
import { exchange, type RawRequest } from '../compat/raw-exchange.ts';
import { Target } from '../compat/target.ts';
import { until } from '../support/processes.ts';
import { Prometheus } from '../support/prometheus.ts';

const OPENMETRICS = { 'Content-Type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' };
const PROTOBUF = { 'Content-Type': m.PROTOBUF };
const SCRAPED_MS = 30_000;

/** One of each type, as text; counters with and without the suffix that OpenMetrics asks for. */
const TEXT = [
  '# TYPE done_total counter\ndone_total 42\n# TYPE visits counter\nvisits 7\n',
  '# TYPE level gauge\nlevel{v="nan"} NaN\nlevel{v="inf"} -Inf\nlevel{v="é \\"b\\" \\\\ \\n"} 1e-7\n',
  '# TYPE seen_total gauge\nseen_total 3\nplain 5\n',
  '# TYPE took_seconds histogram\ntook_seconds_bucket{le="1"} 3\ntook_seconds_bucket{le="+Inf"} 4\n',
  'took_seconds_sum 5.5\ntook_seconds_count 4\n',
  '# TYPE size_bytes summary\nsize_bytes{quantile="0.5"} 10\nsize_bytes_sum 70\nsize_bytes_count 7\n',
].join('');

const VALUES: ReadonlyArray<readonly [query: string, value: string]> = [
  ['done_total{job="text",instance=""}', '42'],
  ['visits', '7'],
  ['level{v="nan"}', 'NaN'],
  ['level{v="inf"}', '-Inf'],
  ['level{v="é \\"b\\" \\\\ \\n"}', '1e-07'],
  ['seen_total', '3'],
  ['plain', '5'],
  ['histogram_quantile(0.5, took_seconds_bucket)', '0.6666666666666666'],
  ['took_seconds_sum / took_seconds_count', '1.375'],
  ['size_bytes{quantile="0.5"}', '10'],
  ['size_bytes_sum / size_bytes_count', '10'],
  ['time() - push_time_seconds{job="text"} < bool 120', '1'],
  ['push_failure_time_seconds{job="text"}', '0'],
  ['up', '1'],
];

async function pushAll(target: Target, requests: readonly RawRequest[]): Promise<void> {
  for (const request of requests) {
    const answer = await exchange(target.port, request);
    assert.equal(answer.status, 200, `${request.path}: ${answer.body}`);
  }
}

/** A Prometheus that has scraped `plain`. */
async function scraping(target: Target, feature?: string): Promise<Prometheus> {
  const args = feature === undefined ? [] : [`--enable-feature=${feature}`];
  const prometheus = await Prometheus.start([{ address: `127.0.0.1:${target.port}` }], args);
  try {
    await until(async () => (await prometheus.query('plain')).length > 0, SCRAPED_MS, 'nothing was scraped');
  } catch (error) {
    const targets = JSON.stringify(await prometheus.targets());
    await prometheus.stop();
    throw new Error(`${(error as Error).message}: ${targets}`);
  }
  return prometheus;
}

async function assertValues(prometheus: Prometheus, values = VALUES): Promise<void> {
  for (const [query, value] of values) {
    const results = await prometheus.query(query);
    assert.deepEqual(
      results.map((result) => result.value),
      [value],
      `${query}: ${JSON.stringify(await prometheus.targets())}`,
    );
  }
}

test('a Prometheus as it is gets OpenMetrics: every type, and exemplars of counters and histograms', async () => {
  await using target = await Target.start();
  const openmetrics = [
    '# TYPE calls counter\n# HELP calls Made.\ncalls_total{code="200"} 9 # {trace_id="c1"} 0.5\n',
    '# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n',
    'wait_seconds_bucket{le="1.0"} 1 # {trace_id="h1"} 0.25\nwait_seconds_bucket{le="+Inf"} 2 # {trace_id="h2"} 7.5\n',
    'wait_seconds_count 2\nwait_seconds_sum 7.75\nwait_seconds_created 1700000000.5\n',
    '# TYPE build info\nbuild_info{version="1"} 1\n',
    '# TYPE state stateset\nstate{state="on"} 1\nstate{state="off"} 0\n',
    '# TYPE some unknown\nsome 8\n# EOF\n',
  ].join('');
  await pushAll(target, [
    put('/metrics/job/text', TEXT),
    put('/metrics/job/om', openmetrics, OPENMETRICS),
    put('/metrics/job/pb', delimited(m.family('native', m.HISTOGRAM, m.nativeHistogram())), PROTOBUF),
  ]);
  await using prometheus = await scraping(target, 'exemplar-storage');
  await assertValues(prometheus);
  await assertValues(prometheus, [
    ['calls_total{code="200",job="om"}', '9'],
    ['wait_seconds_bucket{le="1.0"} or wait_seconds_bucket{le="1"}', '1'],
    ['wait_seconds_sum', '7.75'],
    ['build_info{version="1"}', '1'],
    ['sum(state)', '1'],
    ['some', '8'],
    ['native_count', '6'],
    ['native_bucket{le="+Inf"}', '6'],
  ]);
  const exemplars = [
    ...(await prometheus.exemplars('calls_total')),
    ...(await prometheus.exemplars('wait_seconds_bucket')),
  ];
  assert.deepEqual(
    exemplars.map(({ labels, value }) => `${labels['trace_id']} ${value}`).sort(),
    ['c1 0.5', 'h1 0.25', 'h2 7.5'],
    JSON.stringify(exemplars),
  );
});

test('a Prometheus that takes native histograms gets protobuf: native ones, and all else', async () => {
  await using target = await Target.start();
  const classic = m.histogram(3, 4.5, [m.bucket(1, 0.5), m.bucket(2, 1), m.bucket(3, Infinity)]);
  await pushAll(target, [
    put('/metrics/job/text', TEXT),
    put(
      '/metrics/job/pb/path@base64/YS9i',
      delimited(
        m.family('native', m.HISTOGRAM, m.nativeHistogram()),
        m.family('classic', m.HISTOGRAM, classic),
      ),
      PROTOBUF,
    ),
  ]);
  await using prometheus = await scraping(target, 'native-histograms');
  await assertValues(prometheus);
  await assertValues(prometheus, [
    ['histogram_count(native{job="pb",path="a/b"})', '6'],
    ['histogram_sum(native)', '8'],
    ['histogram_quantile(1, native)', '4'],
    ['histogram_fraction(1, 4, native)', '0.5'],
    ['classic_bucket{le="0.5"}', '1'],
    ['classic_bucket{le="+Inf"}', '3'],
    ['classic_count', '3'],
  ]);
});
