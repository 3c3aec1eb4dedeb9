/**
 * Measures what a failover costs: pushes with values that count up go through two gateways while a master is killed or
 * stopped. For each round: the longest time in which any client went without an acknowledgement, acknowledged values
 * that are missing or older afterwards, scrapes that ended normally and lacked a series.
 *
 *     node --import tsx scripts/measure-failover.ts [ROUNDS=10] [cluster] [sentinel] [stall]
 *
 * `stall` stops a single Redis for 30 s at 200 pushes a second: memory, answers, recovery.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../src/units.ts';
import { Gateway } from '../test/support/gateway.ts';
import { until } from '../test/support/processes.ts';
import { scrapeOf } from '../test/support/push.ts';
import { RedisCluster } from '../test/support/redis-cluster.ts';
import { RedisSentinels } from '../test/support/redis-sentinels.ts';
import { RedisServer } from '../test/support/redis-server.ts';
import { lost, SteadyPushes, SteadyScrapes } from '../test/support/steady-pushes.ts';

const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const;
const LONGEST_MS = 60 * SECOND;
const STALL_MS = 30 * SECOND;

interface Rig extends AsyncDisposable {
  readonly args: readonly string[];
  /** The master to lose, and when another has taken over. */
  victim(): Promise<{ server: RedisServer; replaced: () => Promise<boolean> }>;
  whenWell(): Promise<void>;
}

async function clusterRig(): Promise<Rig> {
  const cluster = await RedisCluster.start();
  return {
    args: [`--redis.endpoint=${cluster.endpoints.join(',')}`],
    victim: async () => {
      const masters = await cluster.masters();
      const server = masters[Math.floor(Math.random() * masters.length)];
      const replica = await cluster.replicaOf(server);
      return {
        server,
        replaced: async () => /role:master/.test(await replica.cli('INFO', 'replication')),
      };
    },
    whenWell: () => cluster.whenWell(),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function sentinelRig(): Promise<Rig> {
  const set = await RedisSentinels.start({ replicas: 2 });
  return {
    args: [`--redis.endpoint=${set.endpoints.join(',')}`, `--redis.master-name=${set.masterName}`],
    victim: async () => {
      const server = await set.master();
      return { server, replaced: async () => (await set.master()) !== server };
    },
    whenWell: () => set.whenWell(),
    [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
  };
}

async function failovers(name: string, start: () => Promise<Rig>, rounds: number): Promise<void> {
  for (const signal of SIGNALS) {
    for (let round = 1; round <= rounds; round++) {
      await using rig = await start();
      const args = [...rig.args, '--redis.wait-replicas=1'];
      await using first = await Gateway.ready({ args });
      await using second = await Gateway.ready({ args });
      const gateways = [first, second];
      const pushes = SteadyPushes.start(gateways);
      await pushes.allAcknowledged(LONGEST_MS);
      await sleep(SECOND);
      const scrapes = SteadyScrapes.start(gateways, pushes);
      pushes.resetGap();
      const { server, replaced } = await rig.victim();
      const begun = performance.now();
      await server.kill(signal);
      await until(replaced, LONGEST_MS, 'another is the master');
      const replacedAfter = performance.now() - begun;
      // With one replica a master, nobody acknowledges for the new one until the old one is back.
      if (signal === 'SIGSTOP') server.resume();
      else await server.restart();
      await pushes.allAcknowledged(LONGEST_MS).catch((error) => console.log(String(error)));
      const gap = pushes.longestGapMs;
      await rig.whenWell();
      await pushes.stop();
      await scrapes.stop();
      const missing = lost(pushes.expected(), await scrapeOf(first));
      console.log(
        [
          `${name} ${signal} ${round}: another master after ${(replacedAfter / SECOND).toFixed(1)} s`,
          `longest gap ${(gap / SECOND).toFixed(1)} s`,
          `${pushes.acknowledged} acknowledged`,
          `${pushes.answers.get(503) ?? 0} refused`,
          `${pushes.answers.get(0) ?? 0} broken`,
          `${missing.length} lost or older`,
          `scrapes ${scrapes.whole} whole, ${scrapes.broken} broken, ${scrapes.short.length} short`,
        ].join(', '),
      );
      for (const line of [...missing, ...scrapes.short, ...pushes.refusals].slice(0, 8))
        console.log(`  ${line}`);
    }
  }
}

async function stall(): Promise<void> {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  const rss = async (): Promise<number> =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'latin1'))?.[1]) / 1024;
  // Each waits for its answer; enough of them for 200 new ones a second, though each hangs for the timeout of 5 s.
  const pushes = SteadyPushes.start([gateway], { clients: 1000, everyMs: 5 * SECOND });
  await pushes.allAcknowledged(LONGEST_MS);
  const before = await rss();
  let most = before;
  const answered = (): number => [...pushes.answers.values()].reduce((sum, count) => sum + count, 0);
  const begun = answered();
  redis.pause();
  for (const end = performance.now() + STALL_MS; performance.now() < end; await sleep(100)) {
    most = Math.max(most, await rss());
  }
  const during = answered() - begun;
  redis.resume();
  const resumed = performance.now();
  await gateway.whenReady();
  const ready = performance.now() - resumed;
  const acknowledged = pushes.acknowledged;
  while (pushes.acknowledged === acknowledged) await sleep(5);
  const again = performance.now() - resumed;
  await sleep(2 * SECOND);
  const refused = pushes.answers.get(503) ?? 0;
  await sleep(5 * SECOND);
  const refusedLater = (pushes.answers.get(503) ?? 0) - refused;
  await pushes.stop();
  console.log(
    [
      `stall: memory ${before.toFixed(0)} MiB, +${(most - before).toFixed(0)} MiB`,
      `${during} answered in ${STALL_MS / SECOND} s`,
      `ready after ${ready.toFixed(0)} ms, acknowledged after ${again.toFixed(0)} ms`,
      `${refusedLater} refused later than 2 s after`,
      `${pushes.answers.get(0) ?? 0} broken`,
      `${lost(pushes.expected(), await scrapeOf(gateway)).length} lost or older`,
    ].join(', '),
  );
}

const words = process.argv.slice(2);
const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? 10);
const names = words.filter((word) => !/^\d+$/.test(word));
const wanted = (name: string): boolean => names.length === 0 || names.includes(name);
if (wanted('cluster')) await failovers('cluster', clusterRig, rounds);
if (wanted('sentinel')) await failovers('sentinel', sentinelRig, rounds);
if (wanted('stall')) await stall();
