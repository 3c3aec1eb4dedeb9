import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SteadyPushes } from '../support/steady-pushes.ts';
import { seriesOf } from '../support/storage.ts';

test('a Redis that is killed amid pushes: 503, then all goes on, and no family is shown by half', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  const pushes = SteadyPushes.start([gateway], { everyMs: 5 });
  const partly = async (series: number, value: number): Promise<number> => {
    const lines = Array.from({ length: series }, (_, i) => `part{i="${i}"} ${value}\n`).join('');
    const answer = await fetch(`${gateway.url}/metrics/job/part`, { method: 'PUT', body: lines });
    await answer.text();
    return answer.status;
  };
  for (let round = 1; round <= 3; round++) {
    await pushes.allAcknowledged(10 * SECOND);
    const big = partly(5000, round);
    await sleep(round * 5);
    await redis.kill();
    assert.match(String(await big), /^(200|503)$/);
    await gateway.whenNotReady();
    await redis.restart();
    await pushes.allAcknowledged(10 * SECOND);
    const values = [...seriesOf(await scrapeOf(gateway))].filter(([series]) => series.startsWith('part{'));
    assert.ok(values.length === 0 || values.length === 5000, `${values.length} series`);
  }
  await pushes.stop();
  const statuses = [...pushes.answers.keys()].sort();
  assert.deepEqual(statuses, [200, 503]);
});

test('scripts that are flushed between and during pushes: no sender notices', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  const pushes = SteadyPushes.start([gateway], { everyMs: 2 });
  await until(
    async () => {
      await redis.cli('SCRIPT', 'FLUSH');
      return pushes.acknowledged > 300;
    },
    60 * SECOND,
    '300 pushes',
  );
  await scrapeOf(gateway);
  await pushes.stop();
  assert.deepEqual([...pushes.answers.keys()], [200], [...pushes.refusals].join());
});
