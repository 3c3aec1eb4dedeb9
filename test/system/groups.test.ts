import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post, put } from '../compat/case.ts';
import * as m from '../compat/metric-messages.ts';
import { delimited } from '../compat/protobuf.ts';
import { pushedSeries, type Scrape } from '../compat/pushed-series.ts';
import { exchange, type RawRequest } from '../compat/raw-exchange.ts';
import { Gateway } from '../support/gateway.ts';
import { checkMetrics } from '../support/prometheus.ts';
import { scrapeOf } from '../support/push.ts';
import { startTopology } from '../support/topology.ts';

const HISTOGRAM = (name: string): string =>
  `# TYPE ${name} histogram\n${name}_bucket{le="1"} 1\n${name}_bucket{le="+Inf"} 2\n${name}_sum 3\n${name}_count 2\n`;
const COUNTER = (name: string): string => `# TYPE ${name} counter\n${name} 7\n`;
const PARSE_FAILED = 1;

async function status(gateway: Gateway, request: RawRequest): Promise<number> {
  return (await exchange(gateway.port, request)).status;
}

/** A scrape that Prometheus can read. */
async function readable(gateway: Gateway): Promise<Scrape> {
  const exposition = await scrapeOf(gateway);
  const { status: verdict, output } = await checkMetrics(exposition);
  assert.notEqual(verdict, PARSE_FAILED, output);
  return pushedSeries(exposition);
}

test('a histogram and a counter with the name of its count, from two groups: one is refused, in either order', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  assert.equal(await status(gateway, put('/metrics/job/a', HISTOGRAM('x'))), 200);
  assert.equal(await status(gateway, put('/metrics/job/b', COUNTER('x_count'))), 400);
  assert.equal(await status(gateway, put('/metrics/job/b', COUNTER('y_count'))), 200);
  assert.equal(await status(gateway, put('/metrics/job/a', HISTOGRAM('y'))), 400);
  const { series } = await readable(gateway);
  assert.deepEqual([...series.keys()].sort(), [
    'x_bucket{instance="",job="a",le="+Inf"}',
    'x_bucket{instance="",job="a",le="1"}',
    'x_count{instance="",job="a"}',
    'x_sum{instance="",job="a"}',
    'y_count{instance="",job="b"}',
  ]);
});

test('at once through two gateways: one is refused, whichever', async () => {
  await using redis = await startTopology();
  await using first = await Gateway.ready({ args: redis.gatewayArgs });
  await using second = await Gateway.ready({ args: redis.gatewayArgs });
  for (let round = 0; round < 15; round++) {
    const name = `x${round}`;
    const statuses = await Promise.all([
      status(first, put(`/metrics/job/h${round}`, HISTOGRAM(name))),
      status(second, put(`/metrics/job/c${round}`, COUNTER(`${name}_count`))),
    ]);
    const { series } = await readable(round % 2 === 0 ? first : second);
    assert.deepEqual([...statuses].sort(), [200, 400]);
    const isHistogram = statuses[0] === 200;
    assert.equal(series.get(`${name}_sum{instance="",job="h${round}"}`), isHistogram ? 3 : undefined);
    assert.equal(series.get(`${name}_count{instance="",job="c${round}"}`), isHistogram ? undefined : 7);
  }
});

test('twenty clients push one family to twenty groups through two gateways, half as gauge, half as counter: one type', async () => {
  await using redis = await startTopology();
  await using first = await Gateway.ready({ args: redis.gatewayArgs });
  await using second = await Gateway.ready({ args: redis.gatewayArgs });
  for (let round = 0; round < 5; round++) {
    const name = `m${round}`;
    const statuses = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        status(
          i % 4 < 2 ? first : second,
          put(`/metrics/job/j${i}`, `# TYPE ${name} ${typeOf(i)}\n${name} ${i}\n`),
        ),
      ),
    );
    const { series, comments } = await readable(round % 2 === 0 ? first : second);
    const types = [...comments].filter((line) => line.startsWith(`# TYPE ${name} `));
    assert.equal(types.length, 1);
    const winner = types[0].split(' ')[3];
    assert.deepEqual(
      statuses,
      statuses.map((_, i) => (typeOf(i) === winner ? 200 : 400)),
    );
    const shown = [...series].filter(([line]) => line.startsWith(`${name}{`));
    assert.deepEqual(
      new Map(shown.sort()),
      new Map(
        statuses
          .flatMap((_, i) => (typeOf(i) === winner ? [[`${name}{instance="",job="j${i}"}`, i] as const] : []))
          .sort(),
      ),
    );
  }
});

function typeOf(client: number): string {
  return client % 2 === 0 ? 'gauge' : 'counter';
}

test('forty POSTs of forty families to one group at once lose none', async () => {
  await using redis = await startTopology();
  await using first = await Gateway.ready({ args: redis.gatewayArgs });
  await using second = await Gateway.ready({ args: redis.gatewayArgs });
  const statuses = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      status(i % 2 === 0 ? first : second, post('/metrics/job/j', `f${i} ${i}\n`)),
    ),
  );
  assert.deepEqual(statuses, Array(40).fill(200));
  const { series, groups } = await readable(first);
  const expected = Array.from({ length: 40 }, (_, i) => [`f${i}{instance="",job="j"}`, i] as const);
  assert.deepEqual(new Map([...series].sort()), new Map(expected.sort()));
  assert.equal(groups.size, 1);
});

test('PUTs of one group at once leave one of them whole', async () => {
  await using redis = await startTopology();
  await using first = await Gateway.ready({ args: redis.gatewayArgs });
  await using second = await Gateway.ready({ args: redis.gatewayArgs });
  for (let round = 0; round < 5; round++) {
    const bodies = Array.from({ length: 12 }, (_, i) => `a${i} ${i}\nb${i} ${i}\nboth ${i}\n`);
    const statuses = await Promise.all(
      bodies.map((body, i) => status(i % 2 === 0 ? first : second, put('/metrics/job/j', body))),
    );
    assert.deepEqual(statuses, Array(12).fill(200));
    const { series } = await readable(first);
    const winner = series.get('both{instance="",job="j"}');
    assert.deepEqual(
      [...series.keys()].sort(),
      [`a${winner}`, `b${winner}`, 'both'].map((name) => `${name}{instance="",job="j"}`),
    );
  }
});

/** Each of them, at the official gateway, makes every scrape a 500 and every later push a 400. */
const BREAKERS: ReadonlyArray<readonly [name: string, requests: readonly RawRequest[]]> = [
  ['a key that is not UTF-8, in base64', [put('/metrics/job/j/a@base64/_w')]],
  ['a key that is not UTF-8, percent-encoded', [put('/metrics/job/j/a/%FF')]],
  ['an empty instance beside none', [put('/metrics/job/j'), put('/metrics/job/j/instance/')]],
  ['none beside an empty instance', [put('/metrics/job/k/instance/'), put('/metrics/job/k')]],
  [
    'a failure time of another type',
    [
      put('/metrics/job/j'),
      put('/metrics/job/j', '# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 1\n'),
    ],
  ],
  ['a reserved label name, escaped', [put('/metrics/job/j/U___5f__5f_x/v')]],
  [
    'a metric name that the text format has no place for',
    [put('/metrics/job/j', delimited(m.family('a-b', m.GAUGE, m.gauge(1))), { 'Content-Type': m.PROTOBUF })],
  ],
  ['a histogram in a group with the label le', [put('/metrics/job/j/le/x', HISTOGRAM('h'))]],
  [
    'a summary in a group with the label quantile',
    [put('/metrics/job/j/quantile/x', '# TYPE s summary\ns_sum 1\ns_count 1\n')],
  ],
];

test('what breaks the official gateway does not break this one', async (t) => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  await using other = await Gateway.ready({ args: redis.gatewayArgs });
  let pushes = 0;
  for (const [name, requests] of BREAKERS) {
    await t.test(name, async () => {
      for (const request of requests) {
        const answer = await exchange(gateway.port, request);
        assert.ok([200, 400].includes(answer.status), `${answer.status}: ${answer.body}`);
      }
      pushes += 1;
      assert.equal(await status(other, put('/metrics/job/good', `good ${pushes}\n`)), 200);
      assert.equal(await status(gateway, post('/metrics/job/new', `new${pushes} 1\n`)), 200);
      const { series } = await readable(other);
      assert.equal(series.get('good{instance="",job="good"}'), pushes);
      assert.equal(series.get(`new${pushes}{instance="",job="new"}`), 1);
    });
  }
});
