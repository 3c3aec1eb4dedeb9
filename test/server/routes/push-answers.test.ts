import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { loadConfig } from '../../../config/load.ts';
import type { Store } from '../../../src/redis/store.ts';
import { Turns } from '../../../src/server/admission.ts';
import { Lifecycle } from '../../../src/server/lifecycle.ts';
import { LiveSettings } from '../../../src/server/live-settings.ts';
import { LogThrottle } from '../../../src/server/log-throttle.ts';
import { createLogger } from '../../../src/server/logger.ts';
import { ByteBudget } from '../../../src/server/push/byte-budget.ts';
import { GroupTurns } from '../../../src/server/push/group-turns.ts';
import { groupPath } from '../../../src/server/push/push-path.ts';
import { apiPush } from '../../../src/server/routes/api-v1/push.ts';
import { type PushRouteDeps, pushHandler } from '../../../src/server/routes/push.ts';
import { Telemetry } from '../../../src/server/telemetry.ts';
import type { PushResult, PushTask } from '../../../src/workers/messages.ts';
import { RawConnection } from '../raw-http.ts';
import { serveEndpoints, type TestApp } from '../test-app.ts';

const HOUR = 3_600_000;

/** What a worker was given, with its body as text. */
type Seen = Omit<PushTask, 'body' | 'identity'> & { readonly text: string };

interface Served extends TestApp {
  readonly seen: Seen[];
  readonly deps: PushRouteDeps;
  readonly lifecycle: Lifecycle;
  refreshed: number;
  compact(families: readonly string[]): Promise<void>;
  /** What the worker answers from now on; an error is its end. */
  result: Partial<PushResult> | Error;
}

const STORED: PushResult = {
  kind: 'push',
  outcome: 'stored',
  samples: 1,
  compact: ['compact_me'],
  blocksWritten: 1,
  redisMs: 1,
};

/** The routes with a worker that says what the test tells it to. What pushes do is tested on the whole gateway. */
async function serve(flags: Readonly<Record<string, string>> = {}): Promise<Served> {
  const config = loadConfig({ flags });
  const lifecycle = new Lifecycle();
  lifecycle.advance('ready');
  const telemetry = new Telemetry('1.2.3');
  const seen: Seen[] = [];
  const log = createLogger({ level: 'error', format: 'logfmt' }, { write: () => {} });
  const store = {
    ready: true,
    identity: { secret: new Uint8Array(16) },
    refreshIdentity: async () => {
      served.refreshed += 1;
    },
  } as unknown as Store;
  const deps: PushRouteDeps = {
    store,
    lifecycle,
    telemetry,
    log,
    throttle: new LogThrottle(),
    bodyTurns: new Turns({ limit: 8, resumeAtOnce: true }),
    minBytesPerSecond: 0,
    routePrefix: '',
    settings: new LiveSettings(config),
    maxBodyBytes: config.push.maxBodyBytes,
    budget: new ByteBudget(config.push.maxBufferedBytes),
    push: {
      store,
      pool: {
        push: async ({ body, identity: _, ...task }) => {
          seen.push({ ...task, text: Buffer.from(body).toString() });
          if (served.result instanceof Error) throw served.result;
          return { ...STORED, ...served.result };
        },
      },
      taskTurns: new Turns({ limit: 2 }),
      groupTurns: new GroupTurns({}),
      compaction: { add: (families) => served.compact(families) },
      timestamps: config.push.timestamps,
      utf8Names: config.push.utf8Names,
      onResult: (result) => telemetry.recordPush(result),
    },
  };
  const push = pushHandler(deps);
  const app = await serveEndpoints({
    endpoints: [
      { name: 'push', path: (path) => groupPath(path, '') !== undefined, methods: { PUT: push, POST: push } },
      { name: 'api/v1/push', path: '/api/v1/push', methods: { POST: apiPush(deps) } },
    ],
    jsonPrefix: '/api/',
    telemetry,
  });
  const served: Served = {
    ...app,
    seen,
    deps,
    lifecycle,
    refreshed: 0,
    compact: async () => {},
    result: {},
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
  return served;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, String(condition));
    await sleep(5);
  }
}

/** Nothing of any push is held any more. */
function assertIdle({ deps }: Served): void {
  assert.deepEqual(
    [deps.bodyTurns.held, deps.bodyTurns.parked, deps.push.taskTurns.held, deps.budget.used],
    [0, 0, 0, 0],
  );
}

test('a push that is stored is 200 without a body', async () => {
  await using server = await serve();
  for (const [method, query, mode] of [
    ['PUT', '', 'put'],
    ['POST', '', 'post'],
    ['POST', '?mode=merge', 'merge'],
  ] as const) {
    const answer = await fetch(`${server.url}/metrics/job/j/a%2Fb/%20${query}`, { method, body: 'm 1\n' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-length'), '0');
    assert.equal(answer.headers.get('content-type'), null);
    const { text, mode: done, group, ttlMs, timestamps, utf8Names } = server.seen.at(-1) as Seen;
    assert.deepEqual([text, done, ttlMs, timestamps, utf8Names], ['m 1\n', mode, HOUR / 12, 'reject', true]);
    assert.deepEqual(group, [
      ['a/b', ' '],
      ['job', 'j'],
    ]);
  }
  assertIdle(server);
});

test('what is wrong with the request is 400 and reaches no worker', async () => {
  await using server = await serve();
  for (const [method, path, reason] of [
    ['PUT', '/metrics/job/j/a', /^odd number of components in label string "\/a"\n$/],
    ['PUT', '/metrics/job/j/__a/b', /^improper label name "__a"\n$/],
    ['PUT', '/metrics/job//a/b', /^job name is required\n$/],
    ['PUT', '/metrics/job/j?mode=merge', /^mode: only POST takes one/],
    ['POST', '/metrics/job/j?mode=x', /^mode: got "x", takes only merge\n$/],
    ['PUT', '/metrics/job/j?ttl=soon', /ttl.*soon/],
  ] as const) {
    const answer = await fetch(server.url + path, { method, body: 'm 1\n' });
    assert.equal(answer.status, 400, path);
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(await answer.text(), reason);
  }
  assert.equal(server.seen.length, 0);
  assertIdle(server);
});

test('what the worker says of a push is what its sender is told', async () => {
  await using server = await serve();
  const message = '2 error(s) occurred:\n* one\n* two';
  const cases: Array<[result: Partial<PushResult> | Error, status: number, text: RegExp]> = [
    [{ outcome: 'malformed', message: 'line 1: no' }, 400, /^line 1: no\n$/],
    [{ outcome: 'inconsistent', message }, 400, /^2 error\(s\) occurred:\n\* one\n\* two\n$/],
    [{ outcome: 'failed', failure: { reason: 'oom', message: 'no memory' } }, 503, /^no memory\n$/],
    [new Error('gone'), 500, /^a worker thread broke/],
  ];
  for (const [result, status, text] of cases) {
    server.result = result;
    const answer = await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: 'm 1\n' });
    assert.equal(answer.status, status);
    assert.match(await answer.text(), text);
    assert.equal(answer.headers.get('retry-after'), status === 503 ? '1' : null);
  }
  assertIdle(server);
  assert.equal(server.refreshed, 0);
  const failure = { reason: 'identity', message: 'stale', staleIdentity: true } as const;
  server.result = { outcome: 'failed', failure };
  await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: 'm 1\n' });
  assert.equal(server.refreshed, 1);
});

test('the time to live comes from the request, the rules, or the default', async () => {
  await using server = await serve({
    expiration_rules: '{job="nightly",kind!="x"}=26h;{job=~"for.*"}=0',
    'push.max_ttl': '48h',
  });
  const ttl = async (path: string, headers: Record<string, string> = {}): Promise<number | undefined> => {
    await fetch(`${server.url}/metrics/job/${path}`, { method: 'PUT', body: 'm 1\n', headers });
    return server.seen.at(-1)?.ttlMs;
  };
  assert.equal(await ttl('j'), HOUR / 12);
  assert.equal(await ttl('nightly'), 26 * HOUR);
  assert.equal(await ttl('nightly/kind/x'), HOUR / 12);
  assert.equal(await ttl('forever'), 0);
  assert.equal(await ttl('nightly?ttl=1h'), HOUR);
  assert.equal(await ttl('nightly', { 'x-pushgateway-ttl': '2h' }), 2 * HOUR);
  assert.equal(await ttl('j?ttl=100h'), 48 * HOUR);
  server.deps.settings.replace(loadConfig({ flags: { 'redis.expiration': '7m' } }));
  assert.equal(await ttl('nightly'), 7 * 60_000);
});

test('bodies may be encoded, in any letter case', async () => {
  await using server = await serve();
  for (const encoding of ['gzip', 'GZIP', 'x-gzip']) {
    const headers = { 'content-encoding': encoding };
    const body = gzipSync('m 1\n');
    const answer = await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body, headers });
    assert.equal(answer.status, 200);
    assert.equal(server.seen.at(-1)?.text, 'm 1\n');
  }
  const headers = { 'content-encoding': 'gzip' };
  const cut = await fetch(`${server.url}/metrics/job/j`, {
    method: 'PUT',
    body: gzipSync('m 1\n').subarray(0, 20),
    headers,
  });
  assert.equal(cut.status, 400);
  assertIdle(server);
});

test('a body that is too large is 413, before it is asked for if its length is known', async () => {
  await using server = await serve({ 'push.max_body_bytes': '1KiB' });
  using connection = await RawConnection.open(server.port);
  connection.send(
    'PUT /metrics/job/j HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n',
  );
  await connection.until(/^HTTP\/1\.1 413 [\s\S]*\/ingest takes bodies of any size\n$/);
  assert.doesNotMatch(connection.received, /100 Continue/);

  const headers = { 'content-encoding': 'gzip' };
  const bomb = gzipSync('x'.repeat(100_000));
  assert.ok(bomb.length < 1024);
  const answer = await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: bomb, headers });
  assert.equal(answer.status, 413);
  assert.match(await answer.text(), /push\.max_body_bytes/);
  const exact = await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: 'x'.repeat(1024) });
  assert.equal(exact.status, 200);
  assert.equal(server.seen.length, 1);
  assertIdle(server);
});

test('a client that waits for 100 is asked for its body', async () => {
  await using server = await serve();
  using connection = await RawConnection.open(server.port);
  connection.send(
    'PUT /metrics/job/j HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
  );
  await connection.until(/^HTTP\/1\.1 100 Continue/);
  connection.send('m 1\n');
  await connection.until(/HTTP\/1\.1 200 OK/);
});

test('a client that leaves midway leaves nothing behind', async () => {
  await using server = await serve();
  const path = '/metrics/job/j';
  for (const body of ['Content-Length: 100\r\n\r\nm 1\n', 'Transfer-Encoding: chunked\r\n\r\n4\r\nm 1\n']) {
    using connection = await RawConnection.open(server.port);
    connection.send(`PUT ${path} HTTP/1.1\r\nHost: x\r\n${body}`);
    await until(() => server.deps.bodyTurns.held + server.deps.bodyTurns.parked > 0);
  }
  await until(
    () => server.deps.bodyTurns.held + server.deps.bodyTurns.parked + server.deps.budget.used === 0,
  );
  assert.equal(server.seen.length, 0);
  assertIdle(server);
});

test('no push is taken while the gateway drains', async () => {
  await using server = await serve();
  server.lifecycle.advance('draining');
  const answer = await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: 'm 1\n' });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '1');
  assertIdle(server);
});

test('pushes are measured as the official gateway measures them', async () => {
  await using server = await serve();
  await fetch(`${server.url}/metrics/job/j`, { method: 'PUT', body: 'm 1\n' });
  server.result = { outcome: 'inconsistent', message: 'no' };
  await fetch(`${server.url}/metrics/job/j`, { method: 'POST', body: `# ${'x'.repeat(10_000)}\n` });
  const text = await server.deps.telemetry.registry.metrics();
  assert.match(text, /^pushgateway_http_push_duration_seconds_count\{method="put"\} 1$/m);
  const size = Number(/^pushgateway_http_push_size_bytes_sum\{method="post"\} (\d+)$/m.exec(text)?.[1]);
  assert.ok(size > 10_100 && size < 11_000, String(size));
  for (const quantile of ['0.1', '0.5', '0.9']) {
    assert.ok(text.includes(`pushgateway_http_push_size_bytes{quantile="${quantile}",method="put"}`));
  }
  assert.match(text, /^pushgateway_group_pushes_total\{outcome="stored"\} 1$/m);
  assert.match(text, /^pushgateway_group_pushes_total\{outcome="inconsistent"\} 1$/m);
});

/** A multipart body with these parts. */
function form(parts: ReadonlyArray<readonly [name: string, body: string, headers?: string]>): RequestInit {
  const body = parts
    .map(
      ([name, text, headers = '']) =>
        `--xyz\r\nContent-Disposition: form-data; name="${name}"\r\n${headers}\r\n${text}\r\n`,
    )
    .join('');
  return {
    method: 'POST',
    body: `${body}--xyz--\r\n`,
    headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
  };
}

test('several groups in one request, each with its own result', async () => {
  await using server = await serve();
  const answer = await fetch(
    `${server.url}/api/v1/push`,
    form([
      ['job/a', 'm 1\n'],
      ['PUT job/b/x/%C3%A4?ttl=1h', 'm 2\n'],
      ['POST job/c?mode=merge', 'm 3\n'],
    ]),
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    status: 'success',
    data: {
      results: [
        { group: 'job/a', status: 200 },
        { group: 'job/b/x/%C3%A4', status: 200 },
        { group: 'job/c', status: 200 },
      ],
    },
  });
  assert.deepEqual(
    server.seen.map(({ group, mode, ttlMs, text }) => [group, mode, ttlMs, text]),
    [
      [[['job', 'a']], 'post', HOUR / 12, 'm 1\n'],
      [
        [
          ['job', 'b'],
          ['x', 'ä'],
        ],
        'put',
        HOUR,
        'm 2\n',
      ],
      [[['job', 'c']], 'merge', HOUR / 12, 'm 3\n'],
    ],
  );
  assertIdle(server);
});

test('a part that is refused does not keep the others from being stored', async () => {
  await using server = await serve({ 'push.max_body_bytes': '10' });
  const answer = await fetch(
    `${server.url}/api/v1/push`,
    form([
      ['job/a/b', 'm 1\n'],
      ['job/b', 'm 1 and too much\n'],
      ['PUT job/c?mode=merge', 'm 1\n'],
      ['job/d', 'm 1\n', 'Content-Encoding: lzma\r\n'],
      ['job/e', 'm 1\n'],
    ]),
  );
  assert.equal(answer.status, 415);
  const body = (await answer.json()) as {
    status: string;
    data: { results: Array<{ group: string; status: number; error?: string }> };
  };
  assert.equal(body.status, 'error');
  assert.deepEqual(
    body.data.results.map(({ group, status, error }) => [group, status, error === undefined]),
    [
      ['job/a/b', 400, false],
      ['job/b', 413, false],
      ['job/c', 400, false],
      ['job/d', 415, false],
      ['job/e', 200, true],
    ],
  );
  assert.equal(server.seen.length, 1);
  assertIdle(server);
});

test('a request that breaks off says what was stored before', async () => {
  await using server = await serve();
  const { body, ...rest } = form([
    ['job/a', 'm 1\n'],
    ['job/b', 'm 2\n'],
  ]);
  const cut = String(body).slice(0, String(body).indexOf('m 2'));
  const answer = await fetch(`${server.url}/api/v1/push`, { ...rest, body: cut });
  assert.equal(answer.status, 400);
  const result = (await answer.json()) as { error: string; data: { results: unknown[] } };
  assert.deepEqual(result.data.results[0], { group: 'job/a', status: 200 });
  assert.match(result.error, /multipart/);
  assert.equal(server.seen.length, 1);
  assertIdle(server);
});

test('when Redis fails the parts that follow are not tried', async () => {
  await using server = await serve();
  server.result = { outcome: 'failed', failure: { reason: 'timeout', message: 'too late' } };
  const answer = await fetch(
    `${server.url}/api/v1/push`,
    form([
      ['job/a', 'm 1\n'],
      ['job/b', 'm 2\n'],
    ]),
  );
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '1');
  const result = (await answer.json()) as { error: string; data: { results: unknown[] } };
  assert.equal(result.error, 'too late');
  assert.deepEqual(result.data.results, []);
  assert.equal(server.seen.length, 1);
  assertIdle(server);
});

test('what is no multipart body is 400', async () => {
  await using server = await serve();
  const answer = await fetch(`${server.url}/api/v1/push`, { method: 'POST', body: 'm 1\n' });
  assert.equal(answer.status, 400);
  assert.equal(((await answer.json()) as { status: string }).status, 'error');
  assertIdle(server);
});

test('a push is answered when its compactions have ended; until then it holds nothing that others need', async () => {
  await using server = await serve();
  const asked: Array<readonly string[]> = [];
  let end = (): void => {};
  server.compact = (families) => {
    asked.push(families);
    return new Promise((resolve) => {
      end = resolve;
    });
  };
  const requests = [
    () => fetch(`${server.url}/metrics/job/a`, { method: 'PUT', body: 'm 1\n' }),
    () => fetch(`${server.url}/api/v1/push`, form([['job/a', 'm 1\n']])),
  ];
  for (const [i, send] of requests.entries()) {
    let isAnswered = false;
    const answer = send().finally(() => {
      isAnswered = true;
    });
    await until(() => asked.length > i);
    assert.deepEqual(asked[i], ['compact_me']);
    // The turn of a body that is not read to its end is lent.
    await until(() => server.deps.bodyTurns.held === 0);
    assert.deepEqual([server.deps.push.taskTurns.held, server.deps.push.groupTurns.size], [0, 0]);
    assert.equal(server.deps.budget.used, 0);
    await sleep(20);
    assert.equal(isAnswered, false);
    end();
    assert.equal((await answer).status, 200);
  }
});
