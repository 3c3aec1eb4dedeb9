import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupOf } from '../../src/redis/group.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { assertHonest, lost, SteadyPushes, SteadyScrapes } from '../support/steady-pushes.ts';

/** On a busy machine; alone it takes two to three seconds. */
const FAILOVER_MS = 30 * SECOND;

function gatewayOn(cluster: RedisCluster, ...args: string[]): Promise<Gateway> {
  return Gateway.ready({
    args: [`--redis.endpoint=${cluster.endpoints.join(',')}`, '--redis.timeout=2s', ...args],
  });
}

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`a master that gets ${signal}: pushes are acknowledged again, none of them is lost, no scrape is short`, async () => {
    await using cluster = await RedisCluster.start();
    await using first = await gatewayOn(cluster, '--redis.wait-replicas=1');
    await using second = await gatewayOn(cluster, '--redis.wait-replicas=1');
    await using pushes = SteadyPushes.start([first, second]);
    await pushes.allAcknowledged(20 * SECOND);
    await using scrapes = SteadyScrapes.start([first, second], pushes);
    const [master] = await cluster.masters();
    const replica = await cluster.replicaOf(master);
    await master.kill(signal);
    await until(
      async () => /role:master/.test(await replica.cli('INFO', 'replication')),
      FAILOVER_MS,
      'the replica takes over',
    );
    // Now two masters have a replica each; for a push to the third there is none to wait for.
    if (signal === 'SIGSTOP') master.resume();
    else await master.restart();
    await cluster.whenWell();
    await pushes.allAcknowledged(FAILOVER_MS);
    await pushes.stop();
    await scrapes.stop();
    for (const gateway of [first, second]) {
      await until(
        async () => (await fetch(`${gateway.url}/metrics`)).status === 200,
        FAILOVER_MS,
        'scrapes are whole again',
      );
    }
    await assertHonest([first, second], pushes, scrapes);
  });
}

test('a slot range that nobody serves: its pushes are refused, others stored, and no scrape leaves it out', async () => {
  await using cluster = await RedisCluster.start({
    replicas: 0,
    args: ['--cluster-require-full-coverage', 'no'],
  });
  await using gateway = await gatewayOn(cluster);
  const names = Array.from({ length: 24 }, (_, i) => `metric_${i}`);
  const push = async (name: string, value: number): Promise<number> =>
    (await ingest(gateway, `${name} ${value}\n`)).status;
  for (const name of names) assert.equal(await push(name, 1), 200);
  const gone = await cluster.masterOf(`{${bucketOf(names[0])}}`);
  const its = new Set<string>();
  for (const name of names) if ((await cluster.masterOf(`{${bucketOf(name)}}`)) === gone) its.add(name);
  assert.ok(its.size > 0 && its.size < names.length);
  gone.pause();
  await until(
    async () => (await cluster.states()).some(({ failed }) => failed),
    FAILOVER_MS,
    'the others say that it has failed',
  );
  for (const name of names) {
    if (its.has(name)) assert.equal(await push(name, 2), 503, name);
    else await until(async () => (await push(name, 2)) === 200, 10 * SECOND, `${name} is stored`);
  }
  const scrape = await fetch(`${gateway.url}/metrics`);
  await assert.rejects(async () => {
    const text = await scrape.text();
    if (scrape.status === 503) throw new Error(text);
  });
  gone.resume();
  await cluster.whenWell();
  await until(async () => (await push(names[0], 3)) === 200, 20 * SECOND, 'pushes to it are stored again');
  await until(
    async () => (await fetch(`${gateway.url}/metrics`)).status === 200,
    20 * SECOND,
    'scrapes are whole again',
  );
  const shown = await scrapeOf(gateway);
  for (const name of names) assert.match(shown, new RegExp(`^${name} [123]$`, 'm'));
});

/** Finds names for pushes that lie with one master altogether, group and families. */
function placement(cluster: RedisCluster): (master: RedisServer) => Promise<string> {
  const homes = new Map<number, Promise<RedisServer>>();
  const homeOf = (bucket: number): Promise<RedisServer> => {
    const home = homes.get(bucket) ?? cluster.masterOf(`{${bucket}}`);
    homes.set(bucket, home);
    return home;
  };
  return async (master) => {
    for (let n = 0; ; n++) {
      const name = `steady_${n}`;
      const group = groupOf([['job', `${name}-0`]]).bucket;
      const buckets = [group, bucketOf(`${name}_0_a`), bucketOf(`${name}_0_b`)];
      const masters = await Promise.all(buckets.map(homeOf));
      if (masters.every((home) => home === master)) return name;
    }
  };
}

test('a master that dies: pushes that lie with the others do not notice', async (t) => {
  // Else Redis itself refuses everything while a slot has no master.
  await using cluster = await RedisCluster.start({ args: ['--cluster-require-full-coverage', 'no'] });
  await using gateway = await gatewayOn(cluster);
  const [gone, ...others] = await cluster.masters();
  const replica = await cluster.replicaOf(gone);
  const nameAt = placement(cluster);
  const [itsName, ...theirNames] = await Promise.all([gone, ...others].map(nameAt));
  const start = (name: string) => SteadyPushes.start([gateway], { clients: 1, name });
  const its = start(itsName);
  const theirs = theirNames.map(start);
  const all = [its, ...theirs];
  await Promise.all(all.map((pushes) => pushes.allAcknowledged(20 * SECOND)));
  for (const pushes of all) pushes.resetGap();
  await gone.kill();
  await until(
    async () => /role:master/.test(await replica.cli('INFO', 'replication')),
    FAILOVER_MS,
    'the replica takes over',
  );
  await its.allAcknowledged(FAILOVER_MS);
  await Promise.all(all.map((pushes) => pushes.stop()));
  const gaps = all.map(({ longestGapMs }) => Math.round(longestGapMs));
  t.diagnostic(`longest time without an acknowledgement: its own ${gaps[0]} ms, others ${gaps.slice(1)} ms`);
  for (const pushes of theirs) {
    assert.deepEqual([...pushes.answers.keys()], [200], [...pushes.refusals].join());
    // As many as its own went without would be one that waited for them.
    assert.ok(pushes.longestGapMs < its.longestGapMs, `${gaps}`);
  }
  await until(
    async () => (await fetch(`${gateway.url}/metrics`)).status === 200,
    FAILOVER_MS,
    'scrapes are whole again',
  );
  const shown = await scrapeOf(gateway);
  for (const pushes of all) assert.deepEqual(lost(pushes.expected(), shown), []);
});
