import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupOf } from '../../../src/redis/group.ts';
import { Keys } from '../../../src/redis/keys.ts';
import { Gateway } from '../../support/gateway.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { RawConnection } from '../raw-http.ts';

let redis: RedisServer;
let gateway: Gateway;

before(async () => {
  redis = await RedisServer.start();
  gateway = await Gateway.ready({ redisPort: redis.port, args: ['--web.enable-admin-api'] });
});

after(async () => {
  await gateway.stop();
  await redis.stop();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(method: string, path: string, body?: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(gateway.url + path, { method, ...(body !== undefined && { body }), ...init });
  return { status: answer.status, text: await answer.text() };
}

async function push(method: string, group: string, body: string): Promise<void> {
  assert.deepEqual(await ask(method, `/metrics/job/${group}`, body), { status: 200, text: '' });
}

/** The samples of a family in the scrape, sorted. */
async function shown(family: string, query = ''): Promise<string[]> {
  const { text } = await ask('GET', `/metrics${query}`);
  return text
    .split('\n')
    .filter((line) => new RegExp(`^${family}[{ ]`).test(line))
    .sort();
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
type Json = any;

async function json(path: string): Promise<Json> {
  return (await fetch(gateway.url + path)).json();
}

test('PUT replaces a group, POST its families, merge its series', async () => {
  await push('PUT', 'modes', '# TYPE a gauge\na{x="1"} 1\na{x="2"} 2\n# TYPE b gauge\nb 3\n');
  await push('POST', 'modes', '# TYPE a gauge\na{x="1"} 10\n');
  assert.deepEqual(await shown('a'), ['a{instance="",job="modes",x="1"} 10']);
  assert.deepEqual(await shown('b'), ['b{instance="",job="modes"} 3']);
  await push('POST', 'modes?mode=merge', '# TYPE a gauge\na{x="2"} 20\n');
  assert.deepEqual(await shown('a'), [
    'a{instance="",job="modes",x="1"} 10',
    'a{instance="",job="modes",x="2"} 20',
  ]);
  await push('PUT', 'modes', '# TYPE b gauge\nb 4\n');
  assert.deepEqual([await shown('a'), await shown('b')], [[], ['b{instance="",job="modes"} 4']]);
});

test('DELETE is 202, whether or not the group is there, and whatever body comes along', async () => {
  await push('PUT', 'gone/a/b', '# TYPE gone gauge\ngone 1\n');
  for (let i = 0; i < 2; i++) {
    const answer = await ask('DELETE', '/metrics/job/gone/a/b', 'not gzip', {
      headers: { 'content-encoding': 'gzip' },
    });
    assert.deepEqual(answer, { status: 202, text: '' });
  }
  assert.deepEqual(await shown('gone'), []);
  assert.equal(
    (await shown('push_time_seconds')).some((line) => line.includes('job="gone"')),
    false,
  );
});

test('a body that is malformed or inconsistent is 400 and changes nothing but the time of the failure', async () => {
  await push('PUT', 'strict', '# TYPE strict gauge\nstrict 1\n');
  const malformed = await ask('PUT', '/metrics/job/strict', 'strict 2\nstrict{ 3\n');
  assert.equal(malformed.status, 400);
  assert.match(malformed.text, /line 2.*\n$/s);
  assert.match(
    (await shown('push_failure_time_seconds')).find((line) => line.includes('"strict"')) ?? '',
    / 0$/,
  );
  const stamped = await ask('PUT', '/metrics/job/strict', 'strict 2 1000\n');
  assert.equal(stamped.status, 400);
  assert.match(
    stamped.text,
    /^pushed metrics are invalid or inconsistent with existing metrics: .*timestamps?\n$/,
  );
  assert.match(
    (await shown('push_failure_time_seconds')).find((line) => line.includes('"strict"')) ?? '',
    / 1\.\d+e\+09$|^.* \d{10}/,
  );
  assert.deepEqual(await shown('strict'), ['strict{instance="",job="strict"} 1']);
});

test('groups are listed, read and deleted by the API', async () => {
  await push('PUT', 'api/n/1?ttl=1h', '# TYPE api_m counter\napi_m{x="y"} 1e6\n');
  await push(
    'PUT',
    'api/n/2?ttl=0',
    '# HELP api_h Help.\n# TYPE api_h histogram\napi_h_bucket{le="1"} 1\napi_h_bucket{le="+Inf"} 2\napi_h_sum 3\napi_h_count 2\n',
  );
  const match = `match[]=${encodeURIComponent('{job="api"}')}`;
  const { groups } = (await json(`/api/v1/groups?${match}`)).data;
  const sorted = groups.sort((a: Json, b: Json) => (a.labels.n < b.labels.n ? -1 : 1));
  assert.deepEqual(
    sorted.map((group: Json) => group.labels),
    [
      { job: 'api', n: '1' },
      { job: 'api', n: '2' },
    ],
  );
  const lives = Date.parse(sorted[0].expiry) - Date.parse(sorted[0].push_time);
  assert.ok(Math.abs(lives - 3_600_000) < 1000, String(lives));
  assert.equal(sorted[1].expiry, null);

  const { data } = await json(`/api/v1/metrics?${match}`);
  const one = data.find((group: Json) => group.labels.n === '1');
  assert.equal(one.last_push_successful, true);
  assert.equal(one.api_m.type, 'COUNTER');
  assert.deepEqual(one.api_m.metrics, [
    { labels: { instance: '', job: 'api', n: '1', x: 'y' }, value: '1e+06' },
  ]);
  assert.match(one.push_time_seconds.metrics[0].value, /^1\.\d+e\+09$/);
  const two = data.find((group: Json) => group.labels.n === '2');
  assert.equal(two.api_h.help, 'Help.');
  assert.deepEqual(two.api_h.metrics, [
    {
      labels: { instance: '', job: 'api', n: '2' },
      buckets: { '1': '1', '+Inf': '2' },
      count: '2',
      sum: '3',
    },
  ]);

  const dry = await ask('DELETE', `/api/v1/groups?${match}&dry_run=true`);
  assert.equal(JSON.parse(dry.text).data.matched, 2);
  const done = await ask('DELETE', `/api/v1/groups?${match}`);
  assert.equal(JSON.parse(done.text).data.deleted, 2);
  assert.deepEqual((await json(`/api/v1/groups?${match}`)).data.groups, []);
  assert.deepEqual([await shown('api_m'), await shown('api_h_sum')], [[], []]);
});

test('several groups in one request', async () => {
  const form = new FormData();
  form.append('PUT job/multi/n/1', '# TYPE multi gauge\nmulti 1\n');
  form.append('job/multi/n/2', 'multi{ 1\n');
  form.append('POST job/multi/n/3?ttl=0', '# TYPE multi gauge\nmulti 3\n');
  const answer = await fetch(`${gateway.url}/api/v1/push`, { method: 'POST', body: form });
  assert.equal(answer.status, 400);
  const { data } = (await answer.json()) as Json;
  assert.deepEqual(
    data.results.map((result: Json) => result.status),
    [200, 400, 200],
  );
  assert.deepEqual(await shown('multi'), [
    'multi{instance="",job="multi",n="1"} 1',
    'multi{instance="",job="multi",n="3"} 3',
  ]);
});

test('a body larger than the limit is 413 and names the way out', async () => {
  await using small = await Gateway.ready({ redisPort: redis.port, args: ['--push.max-body-bytes=1KiB'] });
  const answer = await fetch(`${small.url}/metrics/job/large`, { method: 'PUT', body: '#'.repeat(2000) });
  assert.equal(answer.status, 413);
  assert.match(await answer.text(), /push\.max_body_bytes.*\/ingest/);
});

test('series of the ingest path live as long as the push says', async () => {
  assert.equal((await ask('POST', '/ingest?ttl=soon', 'i 1\n')).status, 400);
  assert.equal((await ask('POST', '/ingest?ttl=100ms', '# TYPE short gauge\nshort 1\n')).status, 200);
  assert.equal((await ask('POST', '/ingest?ttl=1h', '# TYPE long gauge\nlong 1\n')).status, 200);
  const deadline = Date.now() + 10_000;
  while ((await shown('short')).length > 0) assert.ok(Date.now() < deadline);
  assert.equal((await shown('long')).length, 1);
});

test('a wipe takes everything', async () => {
  await push('PUT', 'wiped', '# TYPE wiped gauge\nwiped 1\n');
  await ask('POST', '/ingest', '# TYPE wiped_too gauge\nwiped_too 1\n');
  assert.deepEqual(await ask('PUT', '/api/v1/admin/wipe'), { status: 202, text: '' });
  assert.deepEqual(
    [await shown('wiped'), await shown('wiped_too'), await shown('push_time_seconds')],
    [[], [], []],
  );
  assert.deepEqual((await json('/api/v1/metrics')).data, []);
});

test('own metrics are on the metrics path if they are wanted there', async () => {
  await using both = await Gateway.ready({ redisPort: redis.port, args: ['--telemetry.in-metrics'] });
  await fetch(`${both.url}/metrics/job/own`, { method: 'PUT', body: '# TYPE own gauge\nown 1\n' });
  const text = await (await fetch(`${both.url}/metrics`)).text();
  assert.match(text, /^pushgateway_build_info\{/m);
  assert.match(text, /^pushgateway_http_push_duration_seconds_count\{method="put"\} 1$/m);
  assert.match(text, /^own\{instance="",job="own"\} 1$/m);
});

test('pushes that wait for a group which somebody holds do not hold up those to others', async () => {
  await push('PUT', 'held', 'held 1\n');
  const { bucket, id } = groupOf([['job', 'held']]);
  const lock = new Keys('pushgateway:').groupLock(bucket, id);
  // As a gateway leaves it that is killed in the middle of a push.
  await redis.cli('SET', lock, 'somebody', 'PX', '3000');
  const waiting = Array.from({ length: 30 }, () => ask('POST', '/metrics/job/held', 'held 2\n'));
  await sleep(200);
  const free = push('PUT', 'free', 'free 1\n').then(() => 'free');
  assert.equal(await Promise.race([free, ...waiting.map((answer) => answer.then(() => 'held'))]), 'free');
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
});

test('pushes and deletions that are sent without waiting for the answers take effect in their order', async () => {
  using connection = await RawConnection.open(gateway.port);
  const large = Array.from({ length: 20_000 }, (_, i) => `order{a="${i}"} 1\n`).join('');
  const request = (method: string, body: string): string =>
    `${method} /metrics/job/order HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  connection.send(request('PUT', large) + request('PUT', 'order 2\n'));
  await connection.until(/(HTTP\/1\.1 200 OK.*){2}\r\n\r\n$/s);
  assert.deepEqual(await shown('order'), ['order{instance="",job="order"} 2']);
  connection.send(request('PUT', large) + request('DELETE', ''));
  await connection.until(/(HTTP\/1\.1 200 OK.*){3}HTTP\/1\.1 202 Accepted.*\r\n\r\n$/s);
  assert.deepEqual(await shown('order'), []);
});
