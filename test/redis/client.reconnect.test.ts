import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisConnection } from '../../src/redis/client.ts';
import type { RedisOptions } from '../../src/redis/options.ts';
import { SECOND } from '../../src/units.ts';
import { until } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { redisOptions } from '../support/storage.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const WATCH_MS = 3 * SECOND;

async function withProxy(
  use: (rig: { redis: RedisServer; proxy: TcpProxy; connection: RedisConnection }) => Promise<void>,
  overrides: Partial<RedisOptions> = {},
): Promise<void> {
  await using redis = await RedisServer.start();
  await using proxy = await TcpProxy.start(redis.port);
  const endpoint = { host: '127.0.0.1', port: proxy.port };
  const connection = new RedisConnection(redisOptions(0, { endpoints: [endpoint], ...overrides }));
  try {
    await connection.whenUp();
    await use({ redis, proxy, connection });
  } finally {
    await connection.close();
  }
}

/** Fewer than two attempts a second, from the first second on. */
function assertNoStorm(proxy: TcpProxy, since: number): void {
  const attempts = proxy.acceptedAt.filter((at) => at >= since).map((at) => Math.round(at - since));
  assert.ok(attempts.length >= 3, `it gave up after ${attempts}`);
  assert.ok(attempts.filter((at) => at < SECOND).length < 2, `attempts after ${attempts} ms`);
  assert.ok(attempts.length <= WATCH_MS / SECOND + 1, `attempts after ${attempts} ms`);
}

test('a connection that breaks once is made again at once', async () => {
  await withProxy(async ({ proxy, connection }) => {
    await sleep(1.1 * SECOND);
    const cutAt = performance.now();
    proxy.cut();
    await until(() => proxy.accepted === 2 && connection.up, 5 * SECOND, 'it is up again');
    const after = proxy.acceptedAt[1] - cutAt;
    assert.ok(after < 0.9 * SECOND, `only after ${after} ms`);
  });
});

test('what comes after its time is not listened to, whatever it is', async () => {
  await using redis = await RedisServer.start();
  const reasons: string[] = [];
  const connection = new RedisConnection(
    redisOptions(0, {
      endpoints: [{ host: '127.0.0.1', port: redis.port }],
      timeoutMs: 400,
    }),
    { onDown: ({ reason }) => reasons.push(reason) },
  );
  try {
    await connection.whenUp();
    await connection.command('SET', 'long', Buffer.alloc(3_000_000, 'x'));
    redis.pause();
    const late = [
      connection.command('GET', 'nothing'),
      connection.command('GET', 'long'),
      connection.command('NOSUCH'),
    ];
    for (const { status } of await Promise.allSettled(late)) assert.equal(status, 'rejected');
    redis.resume();
    await until(() => connection.up, 5 * SECOND, 'it is up again');
    assert.deepEqual(reasons, ['timeout', 'timeout']);
    assert.equal(await connection.command('GET', 'nothing'), null);
  } finally {
    await connection.close();
  }
});

test('a server that is gone is tried once a second', async () => {
  await withProxy(async ({ redis, proxy }) => {
    await sleep(1.1 * SECOND);
    const since = performance.now();
    await redis.kill();
    await sleep(WATCH_MS);
    assertNoStorm(proxy, since);
  });
});

test('one that refuses the password, too', async () => {
  await withProxy(
    async ({ redis, proxy, connection }) => {
      await sleep(1.1 * SECOND);
      await redis.cli('CONFIG', 'SET', 'requirepass', 'another');
      const since = performance.now();
      proxy.cut();
      await sleep(WATCH_MS);
      assert.equal(connection.lastError?.reason, 'auth');
      assertNoStorm(proxy, since);
    },
    { password: 'one' },
  );
});

test('one whose connections break as soon as they are made, too', async () => {
  await withProxy(async ({ proxy, connection }) => {
    await sleep(1.1 * SECOND);
    const since = performance.now();
    while (performance.now() < since + WATCH_MS) {
      if (connection.up) proxy.cut();
      await sleep(5);
    }
    assertNoStorm(proxy, since);
  });
});

test('one that takes no more clients is not asked for more at each request', async () => {
  await withProxy(
    async ({ redis, proxy, connection }) => {
      await redis.cli('CONFIG', 'SET', 'maxclients', '1');
      const since = performance.now();
      while (performance.now() < since + WATCH_MS) {
        await Promise.all(Array.from({ length: 10 }, (_, i) => connection.command('SET', `key${i}`, i)));
        await sleep(10);
      }
      assertNoStorm(proxy, since);
    },
    { poolSize: 4 },
  );
});
