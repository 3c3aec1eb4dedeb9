import assert from 'node:assert/strict';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { SECOND } from '../../../src/units.ts';
import { Gateway } from '../../support/gateway.ts';
import { until } from '../../support/processes.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { RawConnection } from '../raw-http.ts';

const PUSHED =
  '# HELP temperature Of the room.\n# TYPE temperature gauge\ntemperature{room="a"} 20.5\ntemperature{room="b"} NaN\n';
const SERIES = 200_000;

let redis: RedisServer;
/** Holds little. */
let gateway: Gateway;
/** Holds much, cuts scrapes that take very long, also on a busy machine, and takes one at a time. */
let large: Gateway;

before(async () => {
  redis = await RedisServer.start();
  gateway = await Gateway.ready({ redisPort: redis.port });
  large = await Gateway.ready({
    redisPort: redis.port,
    args: [
      '--redis.key-prefix=large:',
      '--metrics.timeout=6s',
      '--metrics.max-concurrent=1',
      '--no-metrics.compression',
    ],
  });
  await push(large, SERIES);
});

after(async () => {
  await gateway.stop();
  await large.stop();
  await redis.stop();
});

async function push(to: Gateway, series: number): Promise<void> {
  const pad = 'x'.repeat(100);
  const body = Array.from({ length: series }, (_, i) => `much{i="${i}",pad="${pad}"} ${i}\n`).join('');
  const answer = await fetch(`${to.url}/ingest`, { method: 'POST', body });
  assert.equal(answer.status, 200);
}

function request(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, ...options }, resolve).on('error', reject);
  });
}

async function body(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function untilScrapes(count: number, of: Gateway): Promise<void> {
  const deadline = Date.now() + 10 * SECOND;
  const expected = new RegExp(`^pushgateway_scrapes_in_flight ${count}$`, 'm');
  while (!expected.test(await (await fetch(`${of.url}/telemetry`)).text())) {
    assert.ok(Date.now() < deadline, `there are not ${count} scrapes in flight`);
    await sleep(10);
  }
}

test('an empty store is an empty 200', async () => {
  await using empty = await Gateway.ready({ redisPort: redis.port, args: ['--redis.key-prefix=empty:'] });
  for (const encoding of ['gzip', 'identity']) {
    const answer = await fetch(`${empty.url}/metrics`, { headers: { 'accept-encoding': encoding } });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), '');
  }
});

test('what was pushed comes out, HELP and TYPE first, with the right headers', async () => {
  await fetch(`${gateway.url}/ingest`, { method: 'POST', body: PUSHED });
  const answer = await request(`${gateway.url}/metrics`);
  assert.equal(answer.statusCode, 200);
  assert.equal(
    answer.headers['content-type'],
    'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
  );
  assert.equal(answer.headers['content-encoding'], undefined);
  assert.equal(answer.headers.vary, 'Accept, Accept-Encoding');
  assert.equal(answer.headers.etag, undefined);
  assert.equal((await body(answer)).toString(), PUSHED);
});

test('HEAD has the same status and headers and no body', async () => {
  for (const encoding of ['gzip', 'identity']) {
    const headers = { 'accept-encoding': encoding };
    const [full, head] = await Promise.all([
      request(`${gateway.url}/metrics`, { headers }),
      request(`${gateway.url}/metrics`, { headers, method: 'HEAD' }),
    ]);
    assert.equal(head.statusCode, 200);
    for (const name of ['content-type', 'content-encoding', 'vary', 'cache-control']) {
      assert.equal(head.headers[name], full.headers[name], name);
    }
    assert.equal((await body(head)).length, 0);
    await body(full);
  }
});

const ENCODINGS: ReadonlyArray<readonly [accept: string, zipped: boolean]> = [
  ['gzip', true],
  ['GZIP', true],
  ['deflate, gzip;q=0.5, identity;q=0.1', true],
  ['*', true],
  ['gzip;q=0', false],
  ['gzip;q=0.0, *', false],
  ['identity', false],
  ['identity;q=1, gzip;q=0.5', false],
  ['br', false],
  ['', false],
];

for (const [accept, zipped] of ENCODINGS) {
  test(`Accept-Encoding ${JSON.stringify(accept)} is answered ${zipped ? 'with' : 'without'} gzip`, async () => {
    const answer = await request(`${gateway.url}/metrics`, { headers: { 'accept-encoding': accept } });
    assert.equal(answer.headers['content-encoding'], zipped ? 'gzip' : undefined);
    const bytes = await body(answer);
    assert.equal((zipped ? gunzipSync(bytes) : bytes).toString(), PUSHED);
  });
}

test('without metrics.compression nothing is compressed', async () => {
  const answer = await request(`${large.url}/metrics`, {
    headers: { 'accept-encoding': 'gzip' },
    method: 'HEAD',
  });
  assert.equal(answer.headers['content-encoding'], undefined);
  assert.equal(answer.headers.vary, 'Accept');
});

test('a large store comes out whole, each series once, and the telemetry knows its size', async () => {
  const text = (await body(await request(`${large.url}/metrics`))).toString();
  const seen = new Set(text.split('\n').filter((line) => line.startsWith('much{')));
  assert.equal(seen.size, SERIES);
  assert.equal(text.split('\n').length, SERIES + 2);
  const telemetry = await (await fetch(`${large.url}/telemetry`)).text();
  assert.match(telemetry, new RegExp(`^metrics_cache_size ${SERIES}$`, 'm'));
  assert.match(telemetry, new RegExp(`^pushgateway_live_series ${SERIES}$`, 'm'));
  assert.match(telemetry, /^pushgateway_metric_families 1$/m);
  assert.match(telemetry, new RegExp(`^pushgateway_last_scrape_size_bytes ${text.length}$`, 'm'));
  assert.match(telemetry, /^metrics_request_duration_seconds_count\{status_code="200"\} \d+$/m);
});

test('a reader that leaves ends its scrape', async () => {
  for (let i = 0; i < 3; i++) {
    const answer = await request(`${large.url}/metrics`);
    answer.once('data', () => answer.destroy());
    await new Promise((resolve) => answer.on('close', resolve).on('error', () => {}));
  }
  await untilScrapes(0, large);
});

test('a reader that stops reading is cut off at the timeout, which it can see, and holds no others up', async () => {
  using slow = await RawConnection.open(large.port);
  slow.socket.pause();
  slow.send('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  await sleep(100);
  // One at a time is served, but one that waits for its reader lends its turn.
  const answer = await request(`${large.url}/metrics`);
  assert.equal(answer.statusCode, 200);
  assert.match(String(await body(answer)), /\n$/);
  const cut = /^pushgateway_scrapes_broken_total\{reason="scrape_timeout"\} [1-9]/m;
  await until(
    async () => cut.test(await (await fetch(`${large.url}/telemetry`)).text()),
    20 * SECOND,
    'the cut',
  );
  slow.socket.resume();
  await slow.untilClosed();
  assert.match(slow.received, /^HTTP\/1\.1 200 OK/);
  assert.doesNotMatch(slow.received, /\r\n0\r\n\r\n$/);
});

test('when Redis dies midway the transfer breaks, plain or compressed', async () => {
  for (const encoding of ['identity', 'gzip']) {
    await using mortal = await RedisServer.start();
    await using victim = await Gateway.ready({ redisPort: mortal.port });
    await push(victim, SERIES);
    const answer = await request(`${victim.url}/metrics`, { headers: { 'accept-encoding': encoding } });
    assert.equal(answer.statusCode, 200);
    answer.pause();
    await mortal.kill('SIGKILL');
    await assert.rejects(body(answer), { code: 'ECONNRESET' });
    await untilScrapes(0, victim);
    const later = await fetch(`${victim.url}/metrics`);
    assert.equal(later.status, 503);
    assert.equal(later.headers.get('retry-after'), '1');
    assert.match(later.headers.get('content-type') ?? '', /^text\/plain/);
    assert.equal(later.headers.get('content-encoding'), null);
  }
});

test('a whole URL in the request line, as a proxy would get it, is read for its path and query alone', async () => {
  await push(gateway, 3);
  for (const origin of ['http://gateway:9091', 'http://gateway:99999999', 'http://']) {
    using connection = await RawConnection.open(gateway.port);
    connection.send(`GET ${origin}/metrics?match[]=none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await connection.untilClosed();
    assert.match(connection.received, /^HTTP\/1\.1 200 OK\r\n/, origin);
  }
});
