import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisConnection } from '../../src/redis/client.ts';
import { StoreError } from '../../src/redis/failure.ts';
import type { RedisOptions } from '../../src/redis/options.ts';
import { SECOND } from '../../src/units.ts';
import { until } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { redisOptions } from '../support/storage.ts';

let redis: RedisServer;

before(async () => {
  redis = await RedisServer.start();
});
after(() => redis.stop());

async function connect(overrides: Partial<RedisOptions>): Promise<RedisConnection> {
  const connection = new RedisConnection(redisOptions(redis.port, overrides));
  await connection.whenUp();
  return connection;
}

/** The ids of the gateway's connections. */
async function ids(): Promise<string[]> {
  const clients = (await redis.cli('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => line.includes('name=pushgateway'));
  return clients.map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
}

test('as many connections as the pool may have are made when there is work for them, and closed when there is not', async () => {
  const connection = await connect({ poolSize: 3, idleTimeoutMs: 200 });
  try {
    assert.equal((await ids()).length, 1);
    await until(
      async () => {
        await Promise.all(Array.from({ length: 20 }, (_, i) => connection.command('GET', `k${i}`)));
        return (await ids()).length === 3;
      },
      5 * SECOND,
      'three connections',
    );
    await until(async () => (await ids()).length === 1, 5 * SECOND, 'one connection');
    assert.equal(await connection.command('GET', 'k'), null);
  } finally {
    await connection.close();
  }
});

test('a connection that has its age is replaced, and no request fails meanwhile', async () => {
  const connection = await connect({ maxConnectionAgeMs: 100 });
  try {
    const seen = new Set(await ids());
    const first = [...seen][0];
    while (seen.size < 5) {
      await Promise.all(Array.from({ length: 10 }, (_, i) => connection.command('SET', `age${i}`, i)));
      for (const id of await ids()) seen.add(id);
    }
    await until(
      async () => !(await ids()).includes(first) && (await ids()).length <= 2,
      5 * SECOND,
      'the first to go',
    );
  } finally {
    await connection.close();
  }
  await until(async () => (await ids()).length === 0, 5 * SECOND, 'all to go');
});

test('without replicas a write that asks for one is not acknowledged, and the reason says that it is stored', async () => {
  const connection = await connect({ waitReplicas: 1, waitTimeoutMs: 50 });
  try {
    const call = { script: 'dropFamilies', keys: ['{1}:index'], args: ['12345678'] } as const;
    const [reply] = await connection.runAll([call]);
    assert.ok(reply instanceof StoreError);
    assert.equal(reply.reason, 'noreplicas');
    assert.match(reply.message, /stored on the master, but after 50 ms only on 0 of 1 replicas/);
    assert.equal(reply.passing, false);
    await assert.rejects(connection.run(call), { reason: 'noreplicas' });
    // What is only read needs none.
    assert.equal(await connection.command('GET', 'nothing'), null);
  } finally {
    await connection.close();
  }
});

test('a request under way fails at once when its connection breaks, and it comes back', async () => {
  const connection = await connect({});
  try {
    redis.pause();
    const asked = connection.command('GET', 'k');
    await sleep(20);
    const killed = redis.restart();
    await assert.rejects(asked, { reason: 'connection', unsent: false, passing: true });
    await assert.rejects(connection.command('GET', 'k'), { unsent: true });
    await killed;
    await connection.whenUp();
    assert.equal(await connection.command('GET', 'k'), null);
  } finally {
    await connection.close();
  }
});
