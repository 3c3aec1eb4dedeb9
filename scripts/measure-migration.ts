/**
 * Measures what moving slots costs those who push: values that count up go through two gateways into groups and /ingest,
 * up to sixteen times a second each. For each kind of move: how long it took, how many pushes were acknowledged and
 * refused, the longest time in which any client went without an acknowledgement, and how scrapes ended. At last what is
 * lost, doubled, or left behind.
 *
 *     npm run build && node --import tsx scripts/measure-migration.ts [SERIES=20000] [unscraped]
 *
 * With very many series it is the reading of scrapes in this very process that pushes wait for: say `unscraped`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BUCKETS } from '../src/redis/keys.ts';
import { SECOND } from '../src/units.ts';
import { Gateway } from '../test/support/gateway.ts';
import { ingest, scrapeOf } from '../test/support/push.ts';
import { RedisCluster } from '../test/support/redis-cluster.ts';
import { lost, SteadyPushes, SteadyScrapes } from '../test/support/steady-pushes.ts';

const PATIENCE_MS = 60 * SECOND;
const QUIET_MS = 10 * SECOND;
const FAMILIES = 200;
const words = process.argv.slice(2);
const series = Number(words.find((word) => /^\d+$/.test(word)) ?? 20_000);
const isScraped = !words.includes('unscraped');

await using cluster = await RedisCluster.start({
  replicas: 0,
  nodeTimeoutMs: 5 * SECOND,
  // Else a node without slots becomes a replica of whoever has got them.
  args: ['--cluster-allow-replica-migration', 'no'],
});
const options = { built: true, args: [`--redis.endpoint=${cluster.endpoints.join(',')}`] };
await using first = await Gateway.ready(options);
await using second = await Gateway.ready(options);
const gateways = [first, second];
const held = Array.from(
  { length: series },
  (_, i) =>
    `many_${i % FAMILIES}{instance="10.0.${i >> 8}.${i & 255}:9100",job="held",path="/v1/things"} ${i}\n`,
);
const { status } = await ingest(first, held.join(''));
if (status !== 200) throw new Error(`what is to be held was answered ${status}`);

const pushes = SteadyPushes.start(gateways, { clients: 16, into: 'both', everyMs: 60 });
await pushes.allAcknowledged(PATIENCE_MS);

async function during(what: string, move: () => Promise<string>): Promise<void> {
  const scrapes = SteadyScrapes.start(isScraped ? gateways : [], pushes);
  const before = new Map(pushes.answers);
  const since = (answer: number): number => (pushes.answers.get(answer) ?? 0) - (before.get(answer) ?? 0);
  pushes.resetGap();
  const begun = performance.now();
  const moved = await move();
  const took = performance.now() - begun;
  await pushes.allAcknowledged(PATIENCE_MS);
  const gap = pushes.longestGapMs;
  await scrapes.stop();
  console.log(
    [
      `${what}: ${moved} in ${(took / SECOND).toFixed(1)} s`,
      `${since(200)} pushes acknowledged, ${since(503)} refused, ${since(0)} broken`,
      `longest gap ${gap.toFixed(0)} ms`,
      `scrapes ${scrapes.whole} whole, ${scrapes.broken} broken, ${scrapes.short.length} short`,
    ].join(', '),
  );
}

await during('nothing moves', async () => {
  await sleep(QUIET_MS);
  return 'nothing';
});
await during('key by key, forth and back', async () => {
  let keys = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 4) {
    const slot = Number(await cluster.nodes[0].cli('CLUSTER', 'KEYSLOT', `{${bucket}}`));
    const home = await cluster.masterOfSlot(slot);
    const away = cluster.nodes[(cluster.nodes.indexOf(home) + 1) % cluster.nodes.length];
    keys += await cluster.moveSlot(slot, away);
    keys += await cluster.moveSlot(slot, home);
  }
  return `${BUCKETS / 4} slots, ${keys} keys`;
});
const [from, to] = cluster.nodes;
await during('redis-cli --cluster reshard', async () => {
  const [fromId, toId] = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  const slots = (await cluster.states()).find(({ server }) => server === from)?.slots;
  await from.cli(
    ...['--cluster', 'reshard', from.endpoint, '--cluster-from', fromId, '--cluster-to', toId],
    ...['--cluster-slots', String(slots), '--cluster-yes'],
  );
  return `${slots} slots`;
});
await during('redis-cli --cluster rebalance', async () => {
  await to.cli('--cluster', 'rebalance', to.endpoint, '--cluster-use-empty-masters');
  return `${(await cluster.states()).find(({ server }) => server === from)?.slots} slots`;
});
await pushes.stop();
// Fails if a series comes twice.
const shown = await scrapeOf(first);
const missing = lost(pushes.expected(), shown);
const left = shown.split('\n').filter((line) => line.startsWith('many_')).length;
console.log(
  `${missing.length} lost or older, ${series - left} of ${series} that were held missing, ${(await cluster.strayKeys()).length} keys left behind`,
);
for (const line of [...missing, ...pushes.refusals].slice(0, 8)) console.log(`  ${line}`);
