import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf } from '../support/storage.ts';

/** Of `--redis.timeout` here. */
const TIMEOUT_MS = SECOND;
/** What an answer may take on a busy machine beyond that. */
const SLACK_MS = 4 * SECOND;

const args = [`--redis.timeout=${TIMEOUT_MS}ms`];

async function put(gateway: Gateway, job: string, body: string): Promise<number> {
  const answer = await fetch(`${gateway.url}/metrics/job/${job}`, { method: 'PUT', body });
  await answer.text();
  return answer.status;
}

test('pushes to a stopped Redis are answered in time, and what arrives late overrides nothing', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args });
  await using other = await Gateway.ready({ redisPort: redis.port, args });
  for (let round = 1; round <= 2; round++) {
    assert.equal(await put(gateway, 'late', `late_a ${round}0\nlate_b ${round}0\n`), 200);
    redis.pause();
    const begun = performance.now();
    const statuses = await Promise.all([
      put(gateway, 'late', `late_a ${round}1\nlate_b ${round}1\n`),
      put(gateway, 'unseen', `unseen ${round}\n`),
      fetch(`${gateway.url}/ingest`, { method: 'POST', body: `free ${round}1\n` }).then(
        ({ status }) => status,
      ),
    ]);
    const took = performance.now() - begun;
    assert.deepEqual(statuses, [503, 503, 503]);
    assert.ok(took < TIMEOUT_MS + SLACK_MS, `answered after ${took} ms`);
    redis.resume();
    // Redis now carries out what it was sent before, if it came to that, and a push that came that far holds its group
    // for a while. Another gateway has not waited.
    await other.whenReady();
    await until(
      async () => (await put(other, 'late', `late_a ${round}2\nlate_b ${round}2\n`)) === 200,
      3 * TIMEOUT_MS + SLACK_MS,
      'the group can be pushed to again',
    );
    assert.equal(
      (await fetch(`${other.url}/ingest`, { method: 'POST', body: `free ${round}2\n` })).status,
      200,
    );
    await gateway.whenReady();
    await sleep(200);
    for (const shownBy of [gateway, other]) {
      const shown = seriesOf(await scrapeOf(shownBy));
      assert.equal(shown.get('late_a{instance="",job="late"}'), `${round}2`);
      assert.equal(shown.get('late_b{instance="",job="late"}'), `${round}2`);
      assert.equal(shown.get('free'), `${round}2`);
    }
  }
});

test('a Redis that is late once is not ready, but who comes then is not refused', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args: ['--redis.timeout=10s'] });
  const statuses: number[] = [];
  // On a busy machine the next check may be late, too, before the push comes.
  for (let attempt = 1; attempt <= 3 && statuses.at(-1) !== 200; attempt++) {
    await gateway.whenReady();
    redis.pause();
    await gateway.whenNotReady();
    const pushed = put(gateway, 'busy', `busy ${attempt}\n`);
    await sleep(100);
    redis.resume();
    statuses.push(await pushed);
  }
  assert.equal(statuses.at(-1), 200, statuses.join());
});

test('a scrape whose Redis stops in the middle breaks in time, and the next one is whole', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args });
  const count = 120_000;
  const lines = Array.from({ length: count }, (_, i) => `large{i="${i}",text="${'x'.repeat(100)}"} 1\n`);
  assert.equal((await fetch(`${gateway.url}/ingest`, { method: 'POST', body: lines.join('') })).status, 200);
  const answer = await fetch(`${gateway.url}/metrics`, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(answer.status, 200);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  redis.pause();
  const begun = performance.now();
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
  const took = performance.now() - begun;
  redis.resume();
  assert.ok(took < TIMEOUT_MS + SLACK_MS, `broke after ${took} ms`);
  await gateway.whenReady();
  assert.equal(seriesOf(await scrapeOf(gateway)).size, count);
});
