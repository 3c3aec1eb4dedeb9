import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHandler } from 'express';
import { loadConfig } from '../../config/load.ts';
import { API, endpoints, type Handlers } from '../../src/server/endpoints.ts';
import { landing } from '../../src/server/routes/landing.ts';
import { Telemetry } from '../../src/server/telemetry.ts';
import { RawConnection } from './raw-http.ts';
import { serveEndpoints, type TestApp } from './test-app.ts';

/** Each answers with its own name. */
function namedHandlers(config: ReturnType<typeof loadConfig>): Handlers {
  const named =
    (name: string): RequestHandler =>
    (_req, res) =>
      void res.setHeader('Content-Type', 'text/plain').end(name);
  const { paths, web } = config;
  return {
    ingest: named('ingest'),
    metrics: named('metrics'),
    telemetry: named('telemetry'),
    push: named('push'),
    delete: named('delete'),
    healthy: named('healthy'),
    ready: named('ready'),
    quit: named('quit'),
    reload: named('reload'),
    landing: landing({ paths, routePrefix: web.routePrefix, version: '1.2.3' }),
    api: {
      status: named('api status'),
      metrics: named('api metrics'),
      listGroups: named('list groups'),
      deleteGroups: named('delete groups'),
      push: named('api push'),
      wipe: named('wipe'),
    },
  };
}

interface Gateway extends TestApp {
  readonly telemetry: Telemetry;
}

async function serve(flags: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const config = loadConfig({ flags });
  const telemetry = new Telemetry('1.2.3');
  const app = await serveEndpoints({
    endpoints: endpoints(config, namedHandlers(config)),
    jsonPrefix: `${config.web.routePrefix}${API}/`,
    telemetry,
  });
  return { ...app, telemetry, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** As it stands there, which fetch would clean. */
async function ask(
  server: TestApp,
  method: string,
  target: string,
): Promise<{ status: number; head: string; body: string }> {
  using connection = await RawConnection.open(server.port);
  connection.send(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await connection.untilClosed();
  const [head = '', body = ''] = connection.received.split(/\r\n\r\n(.*)/s);
  return { status: Number(head.split(' ')[1]), head, body };
}

test('paths of pushes are those under /metrics/job, in all their spellings', async () => {
  await using server = await serve();
  for (const path of [
    '/metrics/job/j',
    '/metrics/job/j/',
    '/metrics/job/j/a/b?ttl=1h',
    '/metrics/job/j//a/b',
    '/metrics/job//a/b',
    '/metrics/job/j/a//b/c',
    '/metrics/job/j/a/../b',
    '/metrics/job/a%2Fb/c/%zz',
    '/metrics/job@base64/ag',
    '/metrics/job%40base64/ag==',
    '//metrics/job/j',
    'http://gateway:9091/metrics/job/j',
  ]) {
    for (const [method, name] of [
      ['PUT', 'push'],
      ['POST', 'push'],
      ['DELETE', 'delete'],
    ] as const) {
      const { status, body } = await ask(server, method, path);
      assert.deepEqual([status, body.includes(name)], [200, true], `${method} ${path}`);
    }
  }
});

test('other paths are not', async () => {
  await using server = await serve();
  for (const path of [
    '/metrics/job',
    '/metrics/job/',
    '/metrics/',
    '/metrics/jobs/x',
    '/metrics/job@base64',
    '/Metrics/job/j',
    '/x/metrics/job/j',
  ]) {
    const { status, head, body } = await ask(server, 'PUT', path);
    assert.equal(status, 404, path);
    assert.match(head, /Content-Type: text\/plain; charset=utf-8/);
    assert.match(head, /X-Content-Type-Options: nosniff/);
    assert.match(body, /\n$/);
  }
});

test('the methods of a push path', async () => {
  await using server = await serve();
  for (const method of ['GET', 'HEAD', 'PATCH', 'TRACE']) {
    const { status, head } = await ask(server, method, '/metrics/job/j');
    assert.equal(status, 405, method);
    assert.match(head, /\r\nAllow: DELETE, OPTIONS, POST, PUT(\r\n|$)/, method);
  }
  const { status, head } = await ask(server, 'OPTIONS', '/metrics/job/j');
  assert.equal(status, 200);
  assert.match(head, /\r\nAllow: DELETE, OPTIONS, POST, PUT\r\n/);
  assert.doesNotMatch(head, /Access-Control/);
});

test('there is no push without a job', async () => {
  await using server = await serve();
  for (const method of ['PUT', 'POST', 'DELETE']) {
    assert.equal((await ask(server, method, '/metrics')).status, 405, method);
  }
});

test('pushes go to /metrics wherever scrapes do', async () => {
  await using server = await serve({ metrics_path: '/scrape' });
  assert.equal((await ask(server, 'PUT', '/metrics/job/j')).body.includes('push'), true);
  assert.equal((await ask(server, 'PUT', '/scrape/job/j')).status, 404);
  assert.equal((await ask(server, 'GET', '/scrape')).status, 200);
});

test('with a route prefix everything is under it', async () => {
  await using server = await serve({
    'web.route_prefix': '/pg/',
    'web.enable_lifecycle': 'true',
    'web.enable_admin_api': 'true',
  });
  for (const [method, path, name] of [
    ['PUT', '/metrics/job/j', 'push'],
    ['PUT', '/metrics/job/j//x/y', 'push'],
    ['DELETE', '/metrics/job/j', 'delete'],
    ['POST', '/ingest', 'ingest'],
    ['GET', '/metrics', 'metrics'],
    ['GET', '/telemetry', 'telemetry'],
    ['GET', '/-/healthy', 'healthy'],
    ['GET', '/-/ready', 'ready'],
    ['PUT', '/-/quit', 'quit'],
    ['POST', '/-/reload', 'reload'],
    ['GET', '/api/v1/status', 'api status'],
    ['GET', '/api/v1/metrics', 'api metrics'],
    ['GET', '/api/v1/groups', 'list groups'],
    ['DELETE', '/api/v1/groups', 'delete groups'],
    ['POST', '/api/v1/push', 'api push'],
    ['PUT', '/api/v1/admin/wipe', 'wipe'],
  ] as const) {
    const { status, body } = await ask(server, method, `/pg${path}`);
    assert.equal(status, 200, path);
    assert.ok(body.includes(name), `${method} ${path}`);
    assert.equal((await ask(server, method, path)).status, 404, `${method} ${path} without the prefix`);
  }
  assert.equal((await ask(server, 'GET', '/')).status, 404);
  const { status, head } = await ask(server, 'GET', '/pg');
  assert.equal(status, 301);
  assert.match(head, /\r\nLocation: \/pg\/\r\n/);
  const page = (await ask(server, 'GET', '/pg/')).body;
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
  assert.ok(links.length > 5);
  for (const link of links) {
    assert.match(link ?? '', /^\/pg\//);
    assert.equal((await ask(server, 'GET', link ?? '')).status, 200, link);
  }
});

test('the lifecycle and admin endpoints are off unless they are enabled', async () => {
  await using off = await serve();
  for (const path of ['/-/quit', '/-/reload']) {
    for (const method of ['PUT', 'POST']) {
      const { status, body } = await ask(off, method, path);
      assert.equal(status, 403, path);
      assert.match(body, /Lifecycle API is not enabled\.\n/);
    }
    assert.equal((await ask(off, 'GET', path)).status, 405, path);
  }
  for (const method of ['PUT', 'GET']) {
    assert.equal((await ask(off, method, '/api/v1/admin/wipe')).status, 404);
  }
  await using on = await serve({ 'web.enable_lifecycle': 'true', 'web.enable_admin_api': 'true' });
  assert.equal((await ask(on, 'POST', '/-/quit')).status, 200);
  assert.equal((await ask(on, 'GET', '/-/quit')).status, 405);
  assert.equal((await ask(on, 'PUT', '/api/v1/admin/wipe')).status, 200);
  for (const method of ['GET', 'POST', 'DELETE']) {
    assert.equal((await ask(on, method, '/api/v1/admin/wipe')).status, 405, method);
  }
});

const CORS = {
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Date',
  'cache-control': 'no-cache, no-store, must-revalidate',
};

test('pages of other origins may read the API, and nothing else', async () => {
  await using server = await serve({ 'web.enable_admin_api': 'true' });
  const asked: Array<[string, string]> = [
    ['GET', '/api/v1/status'],
    ['GET', '/api/v1/metrics'],
    ['OPTIONS', '/api/v1/status'],
    ['OPTIONS', '/api/v1/whatever'],
  ];
  for (const [method, path] of asked) {
    const answer = await fetch(server.url + path, { method });
    assert.equal(answer.status, 200, path);
    for (const [name, value] of Object.entries(CORS)) assert.equal(answer.headers.get(name), value, path);
  }
  for (const path of ['/api/v1/groups', '/api/v1/push', '/api/v1/admin/wipe', '/metrics/job/j', '/ingest']) {
    const answer = await fetch(server.url + path, { method: 'OPTIONS' });
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get('access-control-allow-origin'), null, path);
  }
});

test('errors under /api/v1 are JSON', async () => {
  await using server = await serve();
  for (const [method, path, status] of [
    ['GET', '/api/v1/nothing', 404],
    ['POST', '/api/v1/groups', 405],
    ['PUT', '/api/v1/status', 405],
  ] as const) {
    const answer = await fetch(server.url + path, { method });
    assert.equal(answer.status, status, path);
    const body = (await answer.json()) as { status: string; error: string };
    assert.equal(body.status, 'error');
    assert.ok(body.error.length > 10);
  }
});

test('requests are counted under the names of the official gateway', async () => {
  await using server = await serve({ 'web.enable_admin_api': 'true' });
  for (const [method, path] of [
    ['PUT', '/metrics/job/j'],
    ['POST', '/metrics/job/j/a/b'],
    ['DELETE', '/metrics/job/j'],
    ['GET', '/-/healthy'],
    ['GET', '/-/ready'],
    ['GET', '/api/v1/status'],
    ['GET', '/api/v1/metrics'],
    ['OPTIONS', '/api/v1/x'],
    ['PUT', '/api/v1/admin/wipe'],
  ] as const) {
    await ask(server, method, path);
  }
  const text = await server.telemetry.registry.metrics();
  for (const [handler, method] of [
    ['push', 'put'],
    ['push', 'post'],
    ['delete', 'delete'],
    ['healthy', 'get'],
    ['ready', 'get'],
    ['api/v1/status', 'get'],
    ['api/v1/metrics', 'get'],
    ['api/v1/options', 'options'],
    ['wipe', 'put'],
  ]) {
    const line = `pushgateway_http_requests_total{handler="${handler}",code="200",method="${method}"} 1\n`;
    assert.ok(text.includes(line), line);
  }
});
