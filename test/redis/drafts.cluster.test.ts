import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOf } from '../../src/redis/connection/slots.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import { redisOptions, seriesOf, TestStorage } from '../support/storage.ts';

// Values that come apart from their script, while their slot moves: a draft would be a key that is missing.

test('large values of a slot that moves are stored, to groups and to none', async () => {
  await using cluster = await RedisCluster.start();
  const endpoints = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const options = (overrides = {}) => ({
    ...redisOptions(0),
    mode: 'cluster' as const,
    endpoints,
    ...overrides,
  });
  await using storage = await TestStorage.connect({ options });
  const large = (value: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`pad="${'x'.repeat(90)}",s="${i}"`, value]));
  const push = async (value: number): Promise<void> => {
    await storage.push('m', large(value));
    const outcome = await storage.pushGroup([['job', 'a']], { m_total: large(value) }, { type: 'counter' });
    assert.equal(outcome.status, 'stored');
  };
  await push(1);
  const [hash, other] = ['m', 'm_total'].map((name) => storage.keys.family(bucketOf(name), name));
  assert.equal(slotOf(hash), slotOf(other));
  const slot = String(slotOf(hash));
  const from = await cluster.masterOf(hash);
  const to = (await cluster.masters()).find(({ port }) => port !== from.port);
  assert.ok(to);
  const ids = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0]);
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1]);
  const move = async (part: number): Promise<void> => {
    const left = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, '1000')).split('\n').filter(Boolean);
    for (const key of left.slice(0, Math.ceil(left.length * part))) {
      await from.cli('MIGRATE', to.host, String(to.port), key, '0', '5000');
    }
  };
  await move(1 / 2);
  const pushed = push(2);
  await sleep(300);
  await move(1);
  await sleep(300);
  for (const node of [to, from]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', ids[1]);
  await pushed;
  const shown = [...seriesOf(await storage.scrape())].filter(([series]) => series.includes('pad='));
  assert.equal(shown.length, 80);
  assert.deepEqual(new Set(shown.map(([, value]) => value)), new Set(['2']));
  assert.equal(await cluster.nodes[0].cli('--scan', '--pattern', '*:draft:*'), '');
});
