import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS } from '../../src/redis/keys.ts';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import { lost, SteadyPushes, SteadyScrapes } from '../support/steady-pushes.ts';

const PATIENCE_MS = 20 * SECOND;
const SERIES = 20_000;

/**
 * Pushes to groups and to /ingest, and scrapes, through two gateways, while slots move: nothing is lost, nothing is
 * doubled, no push is refused, and no scrape that ends normally lacks a series.
 */
async function amidLoad(move: (cluster: RedisCluster) => Promise<void>): Promise<void> {
  // Else a node without slots becomes a replica of whoever has got them.
  const args = ['--cluster-allow-replica-migration', 'no'];
  await using cluster = await RedisCluster.start({ replicas: 0, args });
  const options = { args: [`--redis.endpoint=${cluster.endpoints.join(',')}`] };
  await using first = await Gateway.ready(options);
  await using second = await Gateway.ready(options);
  const gateways = [first, second];
  // Enough for each bucket to have something, and for a move to take a while.
  const many = Array.from({ length: SERIES }, (_, i) => `many_${i % 200}{i="${i}"} 1\n`).join('');
  assert.equal((await ingest(first, many)).status, 200);
  const pushes = SteadyPushes.start(gateways, { clients: 16, into: 'both', everyMs: 60 });
  const scrapes = SteadyScrapes.start(gateways, pushes, 250);
  try {
    await pushes.allAcknowledged(PATIENCE_MS);
    await move(cluster);
    await pushes.allAcknowledged(PATIENCE_MS);
  } finally {
    await pushes.stop();
    await scrapes.stop();
  }
  assert.deepEqual([...pushes.answers.keys()], [200], [...pushes.refusals].join());
  assert.deepEqual(scrapes.short, []);
  assert.ok(scrapes.whole > 0);
  for (const gateway of gateways) {
    // Fails, too, if a series comes twice.
    const shown = await scrapeOf(gateway);
    assert.deepEqual(lost(pushes.expected(), shown), []);
    assert.equal(shown.split('\n').filter((line) => line.startsWith('many_')).length, SERIES);
  }
  assert.deepEqual(await cluster.strayKeys(), []);
}

test('slots that move key by key, forth and back', async () => {
  await amidLoad(async (cluster) => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 4) {
      const slot = Number(await cluster.nodes[0].cli('CLUSTER', 'KEYSLOT', `{${bucket}}`));
      const home = await cluster.masterOfSlot(slot);
      const away = cluster.nodes[(cluster.nodes.indexOf(home) + 1) % cluster.nodes.length];
      assert.ok((await cluster.moveSlot(slot, away)) > 0);
      assert.equal(await cluster.masterOfSlot(slot), away);
      if (bucket % 8 === 0) assert.ok((await cluster.moveSlot(slot, home)) > 0);
    }
  });
});

test('a node that redis-cli empties and fills again', async () => {
  await amidLoad(async (cluster) => {
    const [from, to] = cluster.nodes;
    const [fromId, toId] = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
    const slots = (await cluster.states()).find(({ server }) => server === from)?.slots;
    await from.cli(
      ...['--cluster', 'reshard', from.endpoint, '--cluster-from', fromId, '--cluster-to', toId],
      ...['--cluster-slots', String(slots), '--cluster-yes'],
    );
    assert.equal((await cluster.masters()).includes(from), false);
    await to.cli('--cluster', 'rebalance', to.endpoint, '--cluster-use-empty-masters');
    assert.equal((await cluster.masters()).includes(from), true);
  });
});
