import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/processes.ts';
import { scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf } from '../support/storage.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

async function send(gateway: Gateway, method: string, path: string, body?: string): Promise<Answer> {
  const answer = await fetch(`${gateway.url}${path}`, { method, ...(body !== undefined && { body }) });
  return { status: answer.status, text: await answer.text(), retryAfter: answer.headers.get('retry-after') };
}

const put = (gateway: Gateway, value: number): Promise<Answer> =>
  send(gateway, 'PUT', '/metrics/job/a', `a ${value}\n`);

async function errorsWith(gateway: Gateway, reason: string): Promise<number> {
  const telemetry = await (await fetch(`${gateway.url}/telemetry`)).text();
  return Number(new RegExp(`redis_errors_total{reason="${reason}"} (\\d+)`).exec(telemetry)?.[1] ?? 0);
}

/** Both kinds of push are refused with this phrase, and counted under this reason. */
async function refuses(gateway: Gateway, reason: string, phrase: RegExp): Promise<void> {
  for (const answer of [await put(gateway, 2), await send(gateway, 'POST', '/ingest', 'free 2\n')]) {
    assert.equal(answer.status, 503, answer.text);
    assert.match(answer.text, phrase);
    assert.ok(Number(answer.retryAfter) > 0);
  }
  assert.ok((await errorsWith(gateway, reason)) > 0, `counted as ${reason}`);
}

async function recovers(gateway: Gateway): Promise<void> {
  await until(async () => (await put(gateway, 3)).status === 200, 20 * SECOND, 'pushes are stored again');
  assert.equal((await send(gateway, 'POST', '/ingest', 'free 3\n')).status, 200);
  const shown = seriesOf(await scrapeOf(gateway));
  assert.deepEqual([shown.get('a{instance="",job="a"}'), shown.get('free')], ['3', '3']);
}

test('out of memory: pushes are refused, deletion and scrape work, and it passes', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  await put(gateway, 1);
  await send(gateway, 'PUT', '/metrics/job/b', 'b 1\n');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  await refuses(gateway, 'oom', /out of memory/);
  assert.equal(seriesOf(await scrapeOf(gateway)).get('a{instance="",job="a"}'), '1');
  assert.equal((await send(gateway, 'DELETE', '/metrics/job/b')).status, 202);
  assert.ok(!seriesOf(await scrapeOf(gateway)).has('b{instance="",job="b"}'));
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await recovers(gateway);
});

test('a Redis that cannot save to disk', async () => {
  await using redis = await RedisServer.start({
    args: ['--save', '3600 1000000', '--enable-protected-configs', 'yes'],
  });
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  await put(gateway, 1);
  const gone = await mkdtemp(join(tmpdir(), 'pushgateway-test-full-'));
  await redis.cli('CONFIG', 'SET', 'dir', gone);
  await rm(gone, { recursive: true });
  await redis.cli('BGSAVE');
  await until(
    async () => /rdb_last_bgsave_status:err/.test(await redis.cli('INFO', 'persistence')),
    10 * SECOND,
    'saving has failed',
  );
  await refuses(gateway, 'misconf', /cannot save to disk/);
  assert.equal(seriesOf(await scrapeOf(gateway)).get('a{instance="",job="a"}'), '1');
  await redis.cli('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
  await recovers(gateway);
});

test('a master that has become a replica', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  await put(gateway, 1);
  await redis.cli('REPLICAOF', '127.0.0.1', '1');
  await refuses(gateway, 'readonly', /read-only replica/);
  await redis.cli('REPLICAOF', 'NO', 'ONE');
  await recovers(gateway);
});

test('a master with too few replicas', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  await put(gateway, 1);
  await redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
  await refuses(gateway, 'noreplicas', /too few replicas/);
  assert.equal(seriesOf(await scrapeOf(gateway)).get('a{instance="",job="a"}'), '1');
  await redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
  await recovers(gateway);
});

test('a replica that a push waits for, and that stops: refused and told so, and nothing is lost', async () => {
  await using redis = await RedisServer.start();
  await using replica = await RedisServer.start({
    args: ['--replicaof', redis.host, String(redis.port), '--repl-diskless-sync-delay', '0'],
  });
  const linked = async (): Promise<boolean> =>
    /master_link_status:up/.test(await replica.cli('INFO', 'replication'));
  await until(linked, 20 * SECOND, 'the replica has all');
  await using gateway = await Gateway.ready({
    redisPort: redis.port,
    args: ['--redis.wait-replicas=1', '--redis.wait-timeout=300ms'],
  });
  await until(async () => (await put(gateway, 1)).status === 200, 10 * SECOND, 'the replica acknowledges');
  assert.equal((await send(gateway, 'POST', '/ingest', 'free 1\n')).status, 200);
  replica.pause();
  await refuses(gateway, 'noreplicas', /stored on the master, but after 300 ms only on 0 of 1 replicas/);
  const shown = seriesOf(await scrapeOf(gateway));
  assert.deepEqual([shown.get('a{instance="",job="a"}'), shown.get('free')], ['2', '2']);
  replica.resume();
  await until(linked, 20 * SECOND, 'the replica is back');
  await recovers(gateway);
});

test('a Redis that is loading its data: not ready, and told why, until it has', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-load-'));
  const port = await freePort();
  const args = ['--dir', directory, '--enable-debug-command', 'yes'];
  {
    await using redis = await RedisServer.start({ port, args });
    await redis.cli('DEBUG', 'POPULATE', '20000', 'theirs', '100');
    await redis.cli('SAVE');
  }
  await using gateway = await Gateway.start({ redisPort: port });
  // 20,000 keys at 0.2 ms.
  const slow = ['--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024'];
  const starting = RedisServer.start({ port, args: [...args, ...slow] });
  await until(
    async () => /loading/.test((await send(gateway, 'GET', '/-/ready')).text),
    20 * SECOND,
    'it says that Redis loads',
  );
  const answer = await put(gateway, 1);
  if (!/^(200)$/.test(String(answer.status))) {
    assert.equal(answer.status, 503);
    assert.match(answer.text, /loading its data|is down/);
  }
  assert.ok((await errorsWith(gateway, 'loading')) > 0);
  await using _redis = await starting;
  await gateway.whenReady();
  await recovers(gateway);
  await rm(directory, { recursive: true, force: true });
});

test('a wrong password: not ready, told once, without a storm of attempts; a right one helps', async () => {
  await using redis = await RedisServer.start({ args: ['--requirepass', 'right'], password: 'right' });
  await using gateway = await Gateway.start({
    redisPort: redis.port,
    env: { PUSHGATEWAY_REDIS_PASSWORD: 'wrong-but-secret' },
  });
  await gateway.whenNotReady();
  const attempts = async (): Promise<number> =>
    Number(/total_connections_received:(\d+)/.exec(await redis.cli('INFO', 'stats'))?.[1]);
  await sleep(2 * SECOND);
  const before = await attempts();
  await sleep(4 * SECOND);
  const made = (await attempts()) - before;
  // Each connection of the gateway tries once a second by now.
  assert.ok(made < 30, `${made} attempts in four seconds`);
  await refuses(gateway, 'auth', /user name or password/);
  const told = gateway.log.split('\n').filter((line) => /msg="Redis is not available/.test(line));
  assert.equal(told.length, 1, gateway.log);
  assert.match(told[0], /reason=auth/);
  assert.doesNotMatch(gateway.log, /wrong-but-secret/);
  await redis.cli('CONFIG', 'SET', 'requirepass', 'wrong-but-secret');
  await gateway.whenReady();
  await recovers(gateway);
});
