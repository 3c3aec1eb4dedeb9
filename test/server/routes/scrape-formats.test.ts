import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway } from '../../support/gateway.ts';
import { checkMetrics } from '../../support/prometheus.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { messagesOf } from '../exposition/metrics-proto.ts';

const BODY = `# HELP c_total Of "these".
# TYPE c_total counter
c_total{job="a"} 1
c_total{job="b"} 2
# TYPE h histogram
h_bucket{job="a",le="1"} 1
h_bucket{job="a",le="+Inf"} 2
h_sum{job="a"} 3
h_count{job="a"} 2
h_bucket{job="b",le="1"} 0
h_bucket{job="b",le="+Inf"} 0
h_sum{job="b"} 0
h_count{job="b"} 0
# TYPE s summary
s{quantile="1"} 4
s_sum 5
s_count 6
`;

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

let redis: RedisServer;
let gateway: Gateway;

before(async () => {
  redis = await RedisServer.start();
  gateway = await Gateway.ready({ redisPort: redis.port });
  const answer = await fetch(`${gateway.url}/ingest`, { method: 'POST', body: BODY });
  assert.equal(answer.status, 200, await answer.text());
});

after(async () => {
  await gateway.stop();
  await redis.stop();
});

function get(query: string, accept = 'text/plain', method = 'GET'): Promise<Response> {
  return fetch(`${gateway.url}/metrics${query}`, { method, headers: { accept } });
}

/** Families come in any order, and their lines in that in which they were pushed. */
function families(exposition: string): string[] {
  return exposition
    .split(/^(?=# HELP|# TYPE h|# TYPE s|# EOF)/m)
    .map((family) => family.trim())
    .sort();
}

test('text', async () => {
  const answer = await get('');
  assert.equal(
    answer.headers.get('content-type'),
    'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
  );
  assert.equal(answer.headers.get('vary'), 'Accept, Accept-Encoding');
  const text = await answer.text();
  assert.deepEqual(families(text), families(BODY));
  const { status, output } = await checkMetrics(text);
  assert.ok(status === 0 || status === 3, output);
});

test('OpenMetrics', async () => {
  const answer = await get('', OPEN_METRICS);
  assert.equal(
    answer.headers.get('content-type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
  );
  const text = await answer.text();
  const expected = BODY.replace('HELP c_total Of "these"', 'HELP c Of \\"these\\"')
    .replace('TYPE c_total', 'TYPE c')
    .replaceAll('le="1"', 'le="1.0"');
  const whole = expected.replace('quantile="1"', 'quantile="1.0"');
  assert.deepEqual(families(text), families(`${whole}# EOF\n`));
  assert.ok(text.endsWith('\n# EOF\n'));
});

test('protobuf', async () => {
  const answer = await get('', PROTOBUF);
  assert.equal(answer.headers.get('content-type'), `${PROTOBUF}; escaping=underscores`);
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  const messages = messagesOf(Buffer.from(await answer.arrayBuffer()));
  assert.deepEqual(
    messages.map(({ name, type, metric }) => [name, type, (metric as unknown[]).length]).sort(),
    [
      ['c_total', 'COUNTER', 2],
      ['h', 'HISTOGRAM', 2],
      ['s', 'SUMMARY', 1],
    ],
  );
});

test('HEAD says the same as GET', async () => {
  for (const accept of ['*/*', OPEN_METRICS, PROTOBUF]) {
    const [head, full] = await Promise.all([get('', accept, 'HEAD'), get('', accept)]);
    assert.equal(head.headers.get('content-type'), full.headers.get('content-type'));
    await full.arrayBuffer();
  }
});

const select = (...selectors: string[]): string =>
  `?${new URLSearchParams(selectors.map((selector): [string, string] => ['match[]', selector]))}`;

async function samples(query: string): Promise<string[]> {
  const answer = await get(query);
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).sort();
}

const H_A = [
  'h_bucket{job="a",le="+Inf"} 2',
  'h_bucket{job="a",le="1"} 1',
  'h_count{job="a"} 2',
  'h_sum{job="a"} 3',
];

test('match[] selects series', async () => {
  assert.deepEqual(await samples(select('c_total{job="a"}')), ['c_total{job="a"} 1']);
  assert.deepEqual(await samples(select('h{job="a"}')), H_A);
  assert.deepEqual(await samples(select('{job=~"a|x"}', 'c_total')), [
    'c_total{job="a"} 1',
    'c_total{job="b"} 2',
    ...H_A,
  ]);
  assert.deepEqual(await samples(select('nothing')), []);
});

test('job selects series', async () => {
  assert.deepEqual(await samples('?job=a'), ['c_total{job="a"} 1', ...H_A]);
  assert.deepEqual(await samples('?job=a&job=b&match[]=c_total'), [
    'c_total{job="a"} 1',
    'c_total{job="b"} 2',
  ]);
  assert.equal((await samples('?job=x')).length, 0);
});

test('other parameters do not matter', async () => {
  assert.deepEqual(await samples('?x=y&name[]=z'), await samples(''));
});

test('a part in another format', async () => {
  const answer = await get(select('s'), OPEN_METRICS);
  assert.equal(await answer.text(), '# TYPE s summary\ns{quantile="1.0"} 4\ns_sum 5\ns_count 6\n# EOF\n');
});

test('a part is not taken for the whole in the telemetry', async () => {
  const size = async (): Promise<string | undefined> =>
    /^metrics_cache_size \d+$/m.exec(await (await fetch(`${gateway.url}/telemetry`)).text())?.[0];
  await samples('');
  assert.equal(await size(), 'metrics_cache_size 13');
  await samples(select('c_total{job="a"}'));
  assert.equal(await size(), 'metrics_cache_size 13');
});

test('what is no selector is answered 400 with the reason', async () => {
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    [select('{'), /^match\[\]: "\{" is not a selector: it ends where a label name should be/],
    [select('{a=~"("}'), /^match\[\]: "\(" is not a regular expression/],
    [select('c_total', ''), /^match\[\]: "" is not a selector/],
    [`?${'job=x&'.repeat(101)}`, /^more than 100 selectors and jobs/],
  ];
  for (const [query, reason] of wrong) {
    const answer = await get(query);
    assert.equal(answer.status, 400);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await answer.text(), reason);
  }
});
