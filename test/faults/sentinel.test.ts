import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisSentinels } from '../support/redis-sentinels.ts';
import { assertHonest, lost, SteadyPushes, SteadyScrapes } from '../support/steady-pushes.ts';

/** On a busy machine; alone it takes two to five seconds. */
const FAILOVER_MS = 30 * SECOND;

function gatewayOn(set: RedisSentinels, ...args: string[]): Promise<Gateway> {
  return Gateway.ready({
    args: [
      `--redis.endpoint=${set.endpoints.join(',')}`,
      `--redis.master-name=${set.masterName}`,
      '--redis.timeout=2s',
      ...args,
    ],
  });
}

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`a master that gets ${signal}: pushes go to the new one, none is lost, and none goes to the old one`, async () => {
    await using set = await RedisSentinels.start({ replicas: 2 });
    await using first = await gatewayOn(set, '--redis.wait-replicas=1');
    await using second = await gatewayOn(set, '--redis.wait-replicas=1');
    await using pushes = SteadyPushes.start([first, second]);
    await pushes.allAcknowledged(20 * SECOND);
    await using scrapes = SteadyScrapes.start([first, second], pushes);
    const old = await set.master();
    await old.kill(signal);
    await until(async () => (await set.master()) !== old, FAILOVER_MS, 'another is the master');
    await pushes.allAcknowledged(FAILOVER_MS);
    if (signal === 'SIGSTOP') old.resume();
    else await old.restart();
    await until(
      // A sentinel that makes it a replica closes its connections, this one too.
      async () => /role:slave/.test(await old.cli('INFO', 'replication').catch(() => '')),
      FAILOVER_MS,
      'the old master is a replica',
    );
    await pushes.allAcknowledged(FAILOVER_MS);
    await pushes.stop();
    await scrapes.stop();
    await assertHonest([first, second], pushes, scrapes);
  });
}

test('with two of three sentinels down it serves, also when it starts then', async () => {
  await using set = await RedisSentinels.start();
  await using gateway = await gatewayOn(set);
  await Promise.all(set.sentinels.slice(0, 2).map((sentinel) => sentinel.kill()));
  assert.equal((await ingest(gateway, 'a 1\n')).status, 200);
  await using late = await gatewayOn(set);
  assert.equal((await ingest(late, 'b 1\n')).status, 200);
  assert.match(await scrapeOf(gateway), /^a 1\n(.*\n)*b 1$/m);
});

test('a failover that is asked for, amid pushes: what was acknowledged is there', async () => {
  await using set = await RedisSentinels.start({ replicas: 2 });
  await using gateway = await gatewayOn(set, '--redis.wait-replicas=1');
  await using pushes = SteadyPushes.start([gateway], { clients: 10, everyMs: 20 });
  await pushes.allAcknowledged(20 * SECOND);
  const old = await set.master();
  const asked: string[] = [];
  await until(
    async () => {
      if ((await set.master()) !== old) return true;
      // Refused while one is under way; one that took too long, on a busy machine, was given up.
      asked.push(await set.sentinels[0].cli('SENTINEL', 'FAILOVER', set.masterName).catch(String));
      await sleep(SECOND);
      return false;
    },
    FAILOVER_MS,
    'another is the master',
  );
  assert.ok(asked.includes('OK'), asked.join());
  await pushes.allAcknowledged(FAILOVER_MS);
  await sleep(SECOND);
  await pushes.stop();
  assert.deepEqual(lost(pushes.expected(), await scrapeOf(gateway)), []);
});

test('sentinels and servers that ask for passwords', async () => {
  await using set = await RedisSentinels.start({ password: 'of-redis', sentinelPassword: 'of-sentinels' });
  await using gateway = await gatewayOn(
    set,
    '--redis.password=of-redis',
    '--redis.sentinel-password=of-sentinels',
  );
  assert.equal((await ingest(gateway, 'a 1\n')).status, 200);
  const old = await set.master();
  await old.kill();
  await until(async () => (await set.master()) !== old, FAILOVER_MS, 'another is the master');
  await until(async () => (await ingest(gateway, 'a 2\n')).status === 200, FAILOVER_MS, 'pushes are stored');
});
