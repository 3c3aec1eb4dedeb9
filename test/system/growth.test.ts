import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { Gateway } from '../support/gateway.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf } from '../support/storage.ts';

// Pushes that come as fast as they are answered do not outrun compaction, however many gateways they go to.

const FAMILIES = 12;
const SERIES = 300;
/** What a family may hold when it asks for compaction: see commands/shared/growth.lua. */
const GROWTH = 1.75;
const GROWTH_FLOOR = 4096;

/** As many series of each family as `share` says, chosen by chance. */
function body(share: number): string {
  const lines: string[] = [];
  for (let family = 0; family < FAMILIES; family++) {
    lines.push(`# TYPE churn_${family} gauge\n`);
    for (let i = 0; i < SERIES; i++) {
      if (Math.random() < share)
        lines.push(`churn_${family}{host="${'h'.repeat(100)}",id="${i}"} ${Math.random()}\n`);
    }
  }
  return lines.join('');
}

/** Bytes of the blocks of each family, as the family counts them, and of those that lived after its last compaction. */
async function heldBy(client: Redis): Promise<Array<{ total: number; live: number }>> {
  const hashes = await client.keys('*:f:churn_*');
  const fields = await Promise.all(hashes.map((hash) => client.hmget(hash, 'n', 'l')));
  return fields.map(([total, live]) => ({ total: Number(total), live: Number(live) }));
}

test('when a push is answered, no family that it has written to has outgrown what lives in it', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args: ['--redis.timeout=60s'] });
  const client = new Redis(redis.port);
  try {
    await ingest(gateway, body(1));
    for (let push = 0; push < 30; push++) {
      await ingest(gateway, body(0.5));
      for (const { total, live } of await heldBy(client)) {
        assert.ok(total < GROWTH * live + GROWTH_FLOOR, `push ${push}: ${total} bytes, ${live} live`);
      }
    }
    assert.equal(seriesOf(await scrapeOf(gateway)).size, FAMILIES * SERIES);
  } finally {
    client.disconnect();
  }
});

test('pushes to two gateways at once keep to the bound, whenever one looks', async () => {
  await using redis = await RedisServer.start();
  const args = ['--redis.timeout=60s'];
  await using one = await Gateway.ready({ redisPort: redis.port, args });
  await using other = await Gateway.ready({ redisPort: redis.port, args });
  const client = new Redis(redis.port);
  try {
    await ingest(one, body(1));
    const live = Math.max(...(await heldBy(client)).map(({ total }) => total));
    const senders = [one, one, other, other];
    // At the threshold, and each sender has one push under way: of half of the series, and a few more by chance.
    const bound = GROWTH * live + GROWTH_FLOOR + senders.length * 0.65 * live;
    let left = senders.length;
    let most = 0;
    const sending = senders.map(async (gateway) => {
      for (let push = 0; push < 30; push++) await ingest(gateway, body(0.5));
      left--;
    });
    const watching = (async () => {
      while (left > 0) for (const { total } of await heldBy(client)) most = Math.max(most, total);
    })();
    await Promise.all(sending);
    await watching;
    assert.ok(most < bound, `${most} bytes at the most, ${live} live`);
    assert.equal(seriesOf(await scrapeOf(one)).size, FAMILIES * SERIES);
  } finally {
    client.disconnect();
  }
});
