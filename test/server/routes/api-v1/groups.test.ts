import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../../../src/server/admission.ts';
import { Lifecycle } from '../../../../src/server/lifecycle.ts';
import { createLogger } from '../../../../src/server/logger.ts';
import { deleteGroups, type GroupsDeps, listGroups } from '../../../../src/server/routes/api-v1/groups.ts';
import { apiMetrics } from '../../../../src/server/routes/api-v1/metrics.ts';
import { wipe } from '../../../../src/server/routes/api-v1/wipe.ts';
import { Telemetry } from '../../../../src/server/telemetry.ts';
import { serveEndpoints, type TestApp } from '../../test-app.ts';
import { type MemoryGroup, MemoryGroups } from './memory-groups.ts';

const GROUPS: readonly MemoryGroup[] = [
  { labels: [['job', 'a']], pushTimeS: 1.5, deadlineMs: 2_000_000 },
  {
    labels: [
      ['instance', 'x'],
      ['job', 'a'],
    ],
    pushTimeS: 0,
    failureTimeS: 3,
  },
  { labels: [['job', 'b"']], pushTimeS: 4, failureTimeS: 3 },
];

interface Served extends TestApp {
  readonly groups: MemoryGroups;
  readonly scrapeTurns: Turns;
  readonly log: string[];
}

async function serve(initial: readonly MemoryGroup[] = GROUPS, timeoutMs = 0): Promise<Served> {
  const groups = new MemoryGroups(initial);
  const lifecycle = new Lifecycle();
  lifecycle.advance('ready');
  const scrapeTurns = new Turns({ limit: 1 });
  const telemetry = new Telemetry('1.2.3');
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'logfmt' }, { write: (line) => void lines.push(line) });
  const deps: GroupsDeps = { groups, store: groups.store, lifecycle, telemetry, scrapeTurns, timeoutMs, log };
  const app = await serveEndpoints({
    endpoints: [
      { name: 'groups', path: '/api/groups', methods: { GET: listGroups(deps), DELETE: deleteGroups(deps) } },
      { name: 'metrics', path: '/api/metrics', methods: { GET: apiMetrics(deps) } },
      { name: 'wipe', path: '/api/wipe', methods: { PUT: wipe(deps) } },
    ],
    jsonPrefix: '/api/',
    telemetry,
  });
  return { ...app, groups, scrapeTurns, log: lines, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
  readonly body: any;
}

async function ask(server: TestApp, method: string, path: string): Promise<Answer> {
  const answer = await fetch(server.url + path, { method });
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  return { status: answer.status, body: await answer.json() };
}

const match = (...selectors: string[]): string =>
  selectors.map((selector) => `match[]=${encodeURIComponent(selector)}`).join('&');

test('groups are listed with their times', async () => {
  await using server = await serve();
  const { status, body } = await ask(server, 'GET', '/api/groups');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    status: 'success',
    data: {
      groups: [
        {
          labels: { job: 'a' },
          last_push_successful: true,
          push_time: '1970-01-01T00:00:01.500000Z',
          push_failure_time: null,
          expiry: '1970-01-01T00:33:20.000Z',
        },
        {
          labels: { instance: 'x', job: 'a' },
          last_push_successful: false,
          push_time: null,
          push_failure_time: '1970-01-01T00:00:03.000000Z',
          expiry: null,
        },
        {
          labels: { job: 'b"' },
          last_push_successful: true,
          push_time: '1970-01-01T00:00:04.000000Z',
          push_failure_time: '1970-01-01T00:00:03.000000Z',
          expiry: null,
        },
      ],
    },
  });
});

test('groups are selected by their grouping labels', async () => {
  await using server = await serve();
  const jobs = async (query: string): Promise<string[]> =>
    (await ask(server, 'GET', `/api/groups?${query}`)).body.data.groups.map((group: { labels: object }) =>
      Object.values(group.labels).join(),
    );
  assert.deepEqual(await jobs(match('{job="a"}')), ['a', 'x,a']);
  assert.deepEqual(await jobs(match('{job="a",instance=""}')), ['a']);
  assert.deepEqual(await jobs(match('{instance!=""}', '{job=~"b.*"}')), ['x,a', 'b"']);
  assert.deepEqual(await jobs(match('{job="none"}')), []);
});

test('what is no selector is told', async () => {
  await using server = await serve();
  for (const [method, path] of [
    ['GET', 'groups'],
    ['GET', 'metrics'],
    ['DELETE', 'groups'],
  ] as const) {
    for (const bad of ['{job=', '{}', 'a{']) {
      const { status, body } = await ask(server, method, `/api/${path}?${match(bad)}`);
      assert.equal(status, 400);
      assert.equal(body.status, 'error');
      assert.match(body.error, /^match\[\]: /);
    }
  }
  assert.equal(server.groups.keys.length, 3);
  assert.equal(server.scrapeTurns.held, 0);
});

test('selected groups are deleted', async () => {
  await using server = await serve();
  const { status, body } = await ask(server, 'DELETE', `/api/groups?${match('{job="a"}')}`);
  assert.equal(status, 200);
  assert.deepEqual(body, {
    status: 'success',
    data: { deleted: 2, groups: [{ labels: { job: 'a' } }, { labels: { instance: 'x', job: 'a' } }] },
  });
  assert.deepEqual(server.groups.keys, ['[["job","b\\""]]']);
});

test('a dry run deletes nothing', async () => {
  await using server = await serve();
  for (const flag of ['dry_run=true', 'dry_run=1', 'dry_run']) {
    const { body } = await ask(server, 'DELETE', `/api/groups?${match('{job="a"}')}&${flag}`);
    assert.equal(body.data.deleted, 0);
    assert.equal(body.data.matched, 2);
    assert.equal(body.data.groups.length, 2);
  }
  assert.equal(server.groups.keys.length, 3);
  const slip = await ask(server, 'DELETE', `/api/groups?${match('{job="a"}')}&dryrun=true`);
  assert.equal(slip.status, 400);
  assert.deepEqual(server.log, []);
  await ask(server, 'DELETE', `/api/groups?${match('{job="a"}')}&dry_run=false`);
  assert.match(server.log.join(''), /groups were deleted on request.* deleted=2/);
  assert.equal(server.groups.keys.length, 1);
});

test('whoever deletes has to say what', async () => {
  await using server = await serve();
  const { status, body } = await ask(server, 'DELETE', '/api/groups');
  assert.equal(status, 400);
  assert.match(body.error, /match\[\]/);
  assert.equal(server.groups.keys.length, 3);
});

test('very many are counted, and the first thousand listed', async () => {
  const many = Array.from({ length: 1_234 }, (_, i): MemoryGroup => ({ labels: [['job', `j${i}`]] }));
  await using server = await serve(many);
  const { body } = await ask(server, 'DELETE', `/api/groups?${match('{job=~"j.*"}')}`);
  assert.equal(body.data.deleted, 1_234);
  assert.equal(body.data.groups.length, 1_000);
  assert.equal(body.data.not_listed, 234);
  assert.equal(server.groups.keys.length, 0);
});

test('a failure midway says what is deleted already', async () => {
  const many = Array.from({ length: 100 }, (_, i): MemoryGroup => ({ labels: [['job', `j${i}`]] }));
  await using server = await serve(many);
  server.groups.failAt = '[["job","j70"]]';
  const answer = await fetch(`${server.url}/api/groups?${match('{job=~"j.*"}')}`, { method: 'DELETE' });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '1');
  const body = (await answer.json()) as Answer['body'];
  assert.equal(body.error, 'Redis did not answer in time');
  assert.equal(body.data.deleted, 100 - server.groups.keys.length);
  assert.ok(body.data.deleted >= 64);
});

test('the groups and what they hold', async () => {
  const family = (name: string, text: string) => ({
    name,
    type: 'gauge',
    help: undefined,
    unit: undefined,
    timeS: 2,
    pieces: [{ text: Buffer.from(text), features: 0 }],
  });
  await using server = await serve([
    {
      labels: [
        ['a', 'b'],
        ['job', 'j'],
      ],
      pushTimeS: 1_795_343_550.3259828,
      families: [
        family('g', 'g{a="b",instance="",job="j"} 3\n'),
        family('labels', 'labels{a="b",instance="",job="j"} 3\n'),
        family('__proto__', '__proto__{job="j"} 3\n'),
      ],
    },
    {
      labels: [
        ['instance', 'i'],
        ['job', 'k'],
      ],
      pushTimeS: 1,
      failureTimeS: 2,
    },
  ]);
  const { status, body } = await ask(server, 'GET', '/api/metrics');
  assert.equal(status, 200);
  assert.equal(body.status, 'success');
  const [first, second] = body.data;
  // The family that would take the place of the group's labels is not there.
  assert.deepEqual(first.labels, { a: 'b', job: 'j' });
  assert.equal(first.last_push_successful, true);
  assert.deepEqual(first.g, {
    time_stamp: '1970-01-01T00:00:02.000000Z',
    type: 'GAUGE',
    metrics: [{ labels: { a: 'b', instance: '', job: 'j' }, value: '3' }],
  });
  assert.deepEqual(first.push_time_seconds, {
    time_stamp: '2026-11-22T10:32:30.325983Z',
    type: 'GAUGE',
    help: 'Last Unix time when changing this group in the Pushgateway succeeded.',
    metrics: [{ labels: { a: 'b', instance: '', job: 'j' }, value: '1.7953435503259828e+09' }],
  });
  assert.equal(first.push_failure_time_seconds.metrics[0].value, '0');
  assert.equal(second.last_push_successful, false);
  assert.deepEqual(second.push_failure_time_seconds.metrics[0], {
    labels: { instance: 'i', job: 'k' },
    value: '2',
  });
  const selected = await ask(server, 'GET', `/api/metrics?${match('{job="k"}')}`);
  assert.deepEqual(selected.body.data.length, 1);
});

test('nothing stored is an empty list', async () => {
  await using server = await serve([]);
  assert.deepEqual((await ask(server, 'GET', '/api/metrics')).body, { status: 'success', data: [] });
  const head = await fetch(`${server.url}/api/metrics`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(server.scrapeTurns.held, 0);
});

test('an answer longer than any buffer comes whole', async () => {
  const many = Array.from(
    { length: 20_000 },
    (_, i): MemoryGroup => ({ labels: [['job', `${'x'.repeat(100)}${i}`]] }),
  );
  await using server = await serve(many);
  const { body } = await ask(server, 'GET', '/api/groups');
  assert.equal(body.data.groups.length, 20_000);
  assert.equal(server.scrapeTurns.held, 0);
});

test('a wipe is 202 and has no body', async () => {
  await using server = await serve();
  const answer = await fetch(`${server.url}/api/wipe`, { method: 'PUT' });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.get('content-length'), '0');
  assert.equal(server.groups.wiped, 1);
});
