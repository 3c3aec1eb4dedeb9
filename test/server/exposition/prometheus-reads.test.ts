import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { negotiate } from '../../../src/server/exposition/negotiate.ts';
import { SECOND } from '../../../src/units.ts';
import { until } from '../../support/processes.ts';
import { Prometheus } from '../../support/prometheus.ts';
import { nativeExtra } from './metrics-proto.ts';
import { bytesOf, type Family } from './written.ts';

const NATIVE = nativeExtra({
  schema: 0,
  zero_threshold: 0.001,
  zero_count: 1,
  positive_span: [{ offset: 0, length: 2 }],
  positive_delta: [1, 1],
});

const FAMILIES: readonly Family[] = [
  {
    name: 'c_total',
    type: 'counter',
    help: 'Of "these".',
    lines: 'c_total{job="",x="a\\nb"} 1 #c 5 # {t="x"} 1 2.5\nc_total{job=""} 2\n',
  },
  { name: 'c', type: 'gauge', lines: 'c 3\n' },
  { name: 'd_total', type: 'counter', lines: 'd_total 4 #c 5 # {t="x"} 1 2.5\n' },
  { name: 'no_suffix', type: 'counter', lines: 'no_suffix 5\n' },
  { name: 'v_info', type: 'info', lines: 'v_info{v="1"} 1\n' },
  { name: 'state', type: 'stateset', lines: 'state{state="a"} 1\nstate{state="b"} 0\n' },
  { name: 's', type: 'summary', lines: 's{quantile="1"} 6\ns_sum 7\ns_count 8 #c 5\n' },
  {
    name: 'h',
    type: 'histogram',
    unit: 'h',
    lines: 'h_bucket{le="1"} 1 # {t="x"} 1\nh_bucket{le="+Inf"} 2\nh_sum 9\nh_count 2 #c 5\n',
  },
  {
    name: 'f',
    type: 'histogram',
    lines: 'f_bucket{le="2"} 1.5\nf_bucket{le="+Inf"} 2\nf_sum 1\nf_count 2\n',
  },
  {
    name: 'g',
    type: 'gaugehistogram',
    lines: 'g_bucket{le="0.5"} 1\ng_bucket{le="+Inf"} 2\ng_sum 1\ng_count 2\n',
  },
  { name: 'n', type: 'histogram', lines: `n_bucket{le="+Inf"} 4\nn_sum 5\nn_count 4 #c 5 #n ${NATIVE}\n` },
  { name: 'my.m', type: 'gauge', lines: '{"my.m","a.b"="c"} 10\n' },
];

const NATIVE_FLAG = '--enable-feature=native-histograms';

/** Content types that were answered, by the path. */
const answered = new Map<string, string>();
const server = createServer((req, res) => {
  const format = negotiate(req.headers.accept);
  answered.set(req.url as string, format.contentType);
  res.setHeader('Content-Type', format.contentType);
  res.end(bytesOf(format.createWriter(), FAMILIES));
});

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  server.close();
  server.closeAllConnections();
});

/** A Prometheus that has scraped once. */
async function scraped(path: string, args: string[]): Promise<Prometheus> {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const prometheus = await Prometheus.start([{ address, path }], args);
  let error = '';
  await until(
    async () => {
      const [target] = await prometheus.targets();
      error = target?.lastError ?? '';
      return target?.health === 'up' || error !== '';
    },
    30 * SECOND,
    'a scrape',
  );
  assert.equal(error, '');
  return prometheus;
}

type Shown = ReadonlyArray<readonly [name: string, values: string[]]>;

const EVERYWHERE: Shown = [
  ['c_total', ['1', '2']],
  ['c', ['3']],
  ['d_total', ['4']],
  ['no_suffix', ['5']],
  ['v_info', ['1']],
  ['state', ['0', '1']],
  ['s', ['6']],
  ['s_sum', ['7']],
  ['s_count', ['8']],
  ['h_bucket', ['1', '2']],
  ['h_sum', ['9']],
  ['h_count', ['2']],
  ['f_bucket', ['1.5', '2']],
  ['g_bucket', ['1', '2']],
  ['my_m', ['10']],
];

async function assertShown(prometheus: Prometheus, expected: Shown): Promise<void> {
  for (const [name, values] of expected) {
    const shown = (await prometheus.query(name)).map(({ value }) => value).sort();
    assert.deepEqual(shown, values, name);
  }
}

test('Prometheus reads OpenMetrics, which it asks for by default', async () => {
  await using prometheus = await scraped('/open-metrics', []);
  assert.match(answered.get('/open-metrics') ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
  await assertShown(prometheus, [
    ...EVERYWHERE,
    ['g_gcount', ['2']],
    ['d_created', ['5']],
    ['h_created', ['5']],
    ['n_bucket', ['4']],
  ]);
});

test('Prometheus reads protobuf, which it asks for with native histograms', async () => {
  await using prometheus = await scraped('/protobuf', [NATIVE_FLAG]);
  assert.match(answered.get('/protobuf') ?? '', /^application\/vnd\.google\.protobuf/);
  // Floats of classic histograms are unknown to 2.42, which takes them for zeros.
  await assertShown(
    prometheus,
    EVERYWHERE.filter(([name]) => name !== 'f_bucket'),
  );
  assert.equal((await prometheus.query('n_bucket')).length, 0);
  const [count] = await prometheus.query('histogram_count(n)');
  assert.equal(count?.value, '4');
});
