import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import { RedisSentinels } from '../support/redis-sentinels.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { lost, SteadyPushes, SteadyScrapes } from '../support/steady-pushes.ts';
import { clocksCanBeStepped } from '../support/stepped-clock.ts';
import { seriesOf } from '../support/storage.ts';

const STEP_MS = 5 * SECOND;
/** More than the step and what pushes may have to wait in a failover. */
const TTL_MS = 25 * SECOND;
const FAILOVER_MS = 30 * SECOND;
/** Enough for each master to have some. */
const LEFT_FAMILIES = 24;

const options = { skip: (await clocksCanBeStepped()) ? false : 'libfaketime is not installed' };

/** What is pushed once and then left to end, and when that push began and was answered. */
interface Left {
  readonly series: readonly string[];
  readonly begunAt: number;
  readonly answeredAt: number;
}

async function pushAndLeave(gateway: Gateway): Promise<Left> {
  const names = Array.from({ length: LEFT_FAMILIES }, (_, i) => `left_${i}`);
  const lines = names.map((name) => `${name} 1\n`).join('');
  const begunAt = Date.now();
  assert.equal((await ingest(gateway, lines)).status, 200);
  const held = names.map((name) => `held_${name} 1\n`).join('');
  const put = await fetch(`${gateway.url}/metrics/job/left`, { method: 'PUT', body: held });
  assert.equal(put.status, 200);
  const labels = '{instance="",job="left"}';
  const series = [...names, ...names.map((name) => `held_${name}${labels}`), `push_time_seconds${labels}`];
  return { series, begunAt, answeredAt: Date.now() };
}

/** Looks at what is left to end until it must have, and says what has ended too early or too late. */
async function untilEnded(gateway: Gateway, { series, begunAt, answeredAt }: Left): Promise<string[]> {
  const earliest = begunAt + TTL_MS - STEP_MS;
  // Redis counts in ms.
  const latest = answeredAt + TTL_MS + STEP_MS + 10;
  const wrong = new Set<string>();
  for (;;) {
    const from = Date.now();
    const answer = await fetch(`${gateway.url}/metrics`);
    const shown = answer.status === 200 ? seriesOf(await answer.text()) : undefined;
    if (shown === undefined) await answer.text();
    const to = Date.now();
    for (const name of shown === undefined ? [] : series) {
      if (to < earliest && !shown?.has(name)) wrong.add(`${name} has ended too early`);
      if (from > latest && shown?.has(name)) wrong.add(`${name} has not ended`);
    }
    if (from > latest && shown !== undefined) return [...wrong];
    await sleep(100);
  }
}

/** Pushes, fails over, pushes on: what was acknowledged counts, and nothing ends by more than the step too early or late. */
async function failOver(args: readonly string[], failover: () => Promise<void>): Promise<void> {
  const common = [...args, '--redis.wait-replicas=1', '--redis.timeout=2s', `--redis.expiration=${TTL_MS}ms`];
  await using first = await Gateway.ready({ args: common });
  await using second = await Gateway.ready({ args: common });
  const gateways = [first, second];
  const pushes = SteadyPushes.start(gateways, { clients: 16, into: 'both', everyMs: 60 });
  const scrapes = SteadyScrapes.start(gateways, pushes);
  try {
    await pushes.allAcknowledged(FAILOVER_MS);
    const left = await pushAndLeave(first);
    const ended = untilEnded(second, left);
    // If something else fails first, and the gateways end, it is that which is told.
    ended.catch(() => {});
    await failover();
    await pushes.allAcknowledged(FAILOVER_MS);
    assert.deepEqual(await ended, []);
    await pushes.allAcknowledged(FAILOVER_MS);
  } finally {
    await pushes.stop();
    await scrapes.stop();
  }
  assert.deepEqual(scrapes.short, []);
  assert.ok(scrapes.whole > 0);
  for (const gateway of gateways) {
    assert.deepEqual(lost(pushes.expected(), await scrapeOf(gateway)), []);
  }
}

async function assertClock(server: RedisServer, offsetMs: number): Promise<void> {
  const [seconds] = (await server.cli('TIME')).split('\n');
  assert.ok(Math.abs(Number(seconds) * SECOND - Date.now() - offsetMs) < 2 * SECOND, `${seconds}`);
}

for (const [where, offsetMs] of [
  ['behind', -STEP_MS],
  ['ahead', STEP_MS],
] as const) {
  test(`Sentinel fails over to a server whose clock is 5 s ${where}`, options, async () => {
    await using set = await RedisSentinels.start({ replicas: 2, replicaClockMs: offsetMs });
    const args = [`--redis.endpoint=${set.endpoints.join(',')}`, `--redis.master-name=${set.masterName}`];
    await failOver(args, async () => {
      const old = await set.master();
      await old.kill();
      await until(async () => (await set.master()) !== old, FAILOVER_MS, 'another is the master');
      await assertClock(await set.master(), offsetMs);
    });
  });
}

test(
  'two masters of a Cluster fail over: to a node whose clock is 5 s behind, and to one 5 s ahead',
  options,
  async () => {
    const clocks = [-STEP_MS, STEP_MS];
    await using cluster = await RedisCluster.start({ replicaClocksMs: clocks });
    await failOver([`--redis.endpoint=${cluster.endpoints.join(',')}`], async () => {
      for (const [index, offsetMs] of clocks.entries()) {
        const old = cluster.nodes[index];
        const replica = await cluster.replicaOf(old);
        await old.kill();
        await until(
          async () => /role:master/.test(await replica.cli('INFO', 'replication')),
          FAILOVER_MS,
          'the replica takes over',
        );
        await assertClock(replica, offsetMs);
        // For a push to the new one there is no replica to wait for until then.
        await old.restart();
        await cluster.whenWell();
      }
    });
  },
);
