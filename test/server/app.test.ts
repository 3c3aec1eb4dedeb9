import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { StoreError } from '../../src/redis/failure.ts';
import type { Store } from '../../src/redis/store.ts';
import { Turns } from '../../src/server/admission.ts';
import { createApp } from '../../src/server/app.ts';
import { Lifecycle } from '../../src/server/lifecycle.ts';
import { Listener } from '../../src/server/listener.ts';
import { LogThrottle } from '../../src/server/log-throttle.ts';
import { createLogger, type LogLevel } from '../../src/server/logger.ts';
import { adoptMessageClasses } from '../../src/server/message-classes.ts';
import { scrapeHandler } from '../../src/server/routes/scrape.ts';
import { telemetryHandler } from '../../src/server/routes/telemetry.ts';
import { Telemetry } from '../../src/server/telemetry.ts';
import { UnderWay } from '../../src/server/under-way.ts';
import { RawConnection } from './raw-http.ts';

interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly lines: string[];
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
  readonly listener: Listener;
}

async function serve(level: LogLevel = 'info'): Promise<TestServer> {
  const lines: string[] = [];
  const log = createLogger({ level, format: 'logfmt' }, { write: (line) => void lines.push(line) });
  const telemetry = new Telemetry('1.2.3');
  const lifecycle = new Lifecycle();
  const app = createApp({
    endpoints: [
      { name: 'telemetry', path: '/telemetry', methods: { GET: telemetryHandler(telemetry) } },
      {
        name: 'sink',
        path: '/sink',
        methods: { POST: (_req, res) => void res.end('ok'), PUT: (_req, res) => void res.end('ok') },
      },
      {
        name: 'broken',
        path: '/broken',
        methods: {
          GET: async () => {
            throw new Error('the secret of the house');
          },
        },
      },
    ],
    lifecycle,
    telemetry,
    log,
  });
  const listener = await Listener.open(
    {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      messages: adoptMessageClasses(app),
      onError: assert.ifError,
    },
    app,
  );
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    lines,
    telemetry,
    lifecycle,
    listener,
    [Symbol.asyncDispose]: async () => void (await listener.close(0)),
  };
}

test('an unknown path is 404 in plain text', async () => {
  await using server = await serve();
  for (const path of ['/', '/nothing', '/Telemetry', '/telemetry/', '/telemetry/more']) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, 404, path);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await answer.text(), /^there is nothing at ".*"\n$/);
  }
});

test('a wrong method is 405 with the right ones, HEAD too', async () => {
  await using server = await serve();
  for (const method of ['GET', 'HEAD', 'DELETE', 'PATCH']) {
    const answer = await fetch(`${server.url}/sink`, { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.get('allow'), 'OPTIONS, POST, PUT');
  }
  const answer = await fetch(`${server.url}/telemetry`, { method: 'POST', body: 'x' });
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, OPTIONS');
  using trace = await RawConnection.open(server.port);
  trace.send('TRACE /sink HTTP/1.1\r\nHost: x\r\n\r\n');
  await trace.until(/^HTTP\/1.1 405 [\s\S]*Allow: OPTIONS, POST, PUT\r\n/);
});

test('OPTIONS tells the methods of a path, and nothing to other origins', async () => {
  await using server = await serve();
  const answer = await fetch(`${server.url}/sink`, { method: 'OPTIONS' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('allow'), 'OPTIONS, POST, PUT');
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.equal(await answer.text(), '');
});

test('queries are ignored', async () => {
  await using server = await serve();
  assert.equal((await fetch(`${server.url}/telemetry?name[]=x&a=%zz`)).status, 200);
});

test('an unexpected error is 500 and says nothing of itself, but the log does', async () => {
  await using server = await serve();
  const answer = await fetch(`${server.url}/broken`);
  assert.equal(answer.status, 500);
  assert.equal(await answer.text(), 'internal error; the log of the gateway says more\n');
  assert.equal(server.lines.length, 1);
  assert.match(server.lines[0] ?? '', /level=error .*err="the secret of the house" stack="Error: /);
});

test('browsers are told to do nothing with answers, and nothing tells what runs here', async () => {
  await using server = await serve();
  const { headers } = await fetch(`${server.url}/telemetry`);
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  for (const name of ['strict-transport-security', 'x-powered-by', 'etag', 'server']) {
    assert.equal(headers.get(name), null, name);
  }
});

test('requests are logged at debug, without query and headers', async () => {
  await using server = await serve('debug');
  await fetch(`${server.url}/telemetry?token=c2VjcmV0`, { headers: { authorization: 'Bearer c2VjcmV0' } });
  await fetch(`${server.url}/broken`);
  await fetch(`${server.url}/nothing`);
  const requests = server.lines.filter((line) => line.includes('msg=request'));
  assert.match(
    requests[0] ?? '',
    /level=debug msg=request .*method=GET path=\/telemetry code=200 remote=127.0.0.1 duration_ms=\d+\n$/,
  );
  assert.match(requests[1] ?? '', /level=debug .* path=\/broken code=500 /);
  assert.match(requests[2] ?? '', /level=debug .* path=\/nothing code=404 /);
  assert.doesNotMatch(server.lines.join(''), /c2VjcmV0/);
});

test('requests are counted by handler, code and method, whatever paths clients make up', async () => {
  await using server = await serve();
  for (let i = 0; i < 10; i++) await fetch(`${server.url}/made-up-${i}`);
  await fetch(`${server.url}/sink`, { method: 'POST', body: 'x' });
  await fetch(`${server.url}/sink`);
  const text = await (await fetch(`${server.url}/telemetry`)).text();
  const counts = text.split('\n').filter((line) => line.startsWith('pushgateway_http_requests_total{'));
  assert.deepEqual(counts.sort(), [
    'pushgateway_http_requests_total{handler="none",code="404",method="get"} 10',
    'pushgateway_http_requests_total{handler="sink",code="200",method="post"} 1',
    'pushgateway_http_requests_total{handler="sink",code="405",method="get"} 1',
  ]);
});

test('promtool has nothing to say about the telemetry', async () => {
  await using server = await serve();
  const { telemetry } = server;
  telemetry.observe({
    ready: () => true,
    redisUp: () => true,
    bodiesInFlight: () => 1,
    bodiesWaiting: () => 0,
    scrapesInFlight: () => 0,
    tasksInFlight: () => 0,
    workerThreads: () => 2,
    workerQueueLength: () => 0,
    compactionQueueLength: () => 0,
  });
  telemetry.recordIngest({
    kind: 'ingest',
    lines: 4,
    accepted: 2,
    rejected: { syntax: 1 },
    errors: [{ line: 1, message: 'no' }],
    failure: { reason: 'timeout', message: 'late', notStored: 1 },
    compact: [],
    blocksWritten: 1,
    redisMs: 3,
  });
  telemetry.recordPush({
    kind: 'push',
    outcome: 'stored',
    samples: 0,
    compact: [],
    blocksWritten: 0,
    redisMs: 1,
  });
  telemetry.pushDuration.observe({ method: 'put' }, 0.1);
  telemetry.pushSize.observe({ method: 'put' }, 300);
  telemetry.recordCompaction({ kind: 'compact', blocksRemoved: 1, blocksRewritten: 1 });
  telemetry.recordWholeScrape({ families: 1, series: 2, bytes: 100, damagedBlocks: 0 }, 0.1);
  telemetry.scrapeDuration.observe({ status_code: '200' }, 0.1);
  const answer = await fetch(`${server.url}/telemetry`);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  for (const line of [
    'metrics_cache_size 2',
    'metrics_request_duration_seconds_count{status_code="200"} 1',
    'pushgateway_samples_accepted_total 2',
    'pushgateway_samples_rejected_total{reason="syntax"} 1',
    'pushgateway_samples_not_stored_total{reason="timeout"} 1',
    'pushgateway_ready 1',
    'pushgateway_worker_threads 2',
    'pushgateway_group_pushes_total{outcome="stored"} 1',
    'pushgateway_http_push_duration_seconds_count{method="put"} 1',
    'pushgateway_http_push_size_bytes{quantile="0.9",method="put"} 300',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  const build = /^pushgateway_build_info\{(.*)\} 1$/m.exec(text)?.[1];
  for (const label of ['branch=""', 'goarch="', 'goos="', 'goversion=""', 'revision=""', 'version="1.2.3"']) {
    assert.ok(build?.includes(label), label);
  }
  assert.ok(build?.includes(`nodeversion="${process.version}"`));
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
  assert.match(text, /^process_resident_memory_bytes /m);
  assert.deepEqual(await promtool(text), { status: 0, output: '' });
});

function promtool(text: string): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
    child.stdin?.end(text);
  });
}

test('a scrape that fails while its beginning is in the compressor is a clean 503', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'logfmt' }, { write: (line) => void lines.push(line) });
  const telemetry = new Telemetry('1.2.3');
  const lifecycle = new Lifecycle();
  lifecycle.advance('ready');
  async function* broken(): AsyncGenerator<Buffer, never> {
    yield Buffer.from('a 1\n');
    throw new StoreError('timeout', 'Redis did not answer in time');
  }
  const scrape = scrapeHandler({
    store: { ready: true, scrape: broken } as unknown as Store,
    lifecycle,
    telemetry,
    turns: new Turns({ limit: 1 }),
    storing: new UnderWay(),
    log,
    throttle: new LogThrottle(),
    compression: true,
    groups: { expiry: true },
    timeoutMs: 0,
  });
  const app = createApp({
    endpoints: [{ name: 'metrics', path: '/metrics', methods: { GET: scrape } }],
    lifecycle,
    telemetry,
    log,
  });
  const listener = await Listener.open(
    {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      messages: adoptMessageClasses(app),
      onError: assert.ifError,
    },
    app,
  );
  using client = await RawConnection.open(listener.port);
  client.send('GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n');
  await client.until(/^HTTP\/1\.1 503 [\s\S]*\r\n\r\nRedis did not answer in time\n$/);
  assert.doesNotMatch(client.received, /gzip|Accept-Encoding/);
  // Nothing more comes on the connection that is kept.
  client.send('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until(/Redis did not answer in time\nHTTP\/1\.1 404 /);
  await listener.close(0);
});

test('while the gateway drains every answer ends its connection', async () => {
  await using server = await serve();
  using client = await RawConnection.open(server.port);
  client.send('GET /telemetry HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until(/Connection: keep-alive/);
  server.lifecycle.advance('draining');
  client.send('GET /telemetry HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until(/Connection: close/);
  await client.untilClosed();
});
