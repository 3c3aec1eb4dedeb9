import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from '../support/gateway.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { seriesOf } from '../support/storage.ts';
import { startTopology } from '../support/topology.ts';

function body(count: number, value: (i: number) => string): string {
  const lines = ['# HELP load_total Some load.\n# TYPE load_total counter\n'];
  for (let i = 0; i < count; i++) {
    lines.push(`load_total{host="node-${i % 997}.example.org",id="${i}"} ${value(i)}\n`);
  }
  return lines.join('');
}

test('a large body, pushed twice with other values: every later value, and no series twice', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  const count = 250_000;
  assert.equal(
    (
      await ingest(
        gateway,
        body(count, (i) => String(i)),
      )
    ).accepted,
    count,
  );
  assert.equal(
    (
      await ingest(
        gateway,
        body(count, (i) => (i / 7).toExponential()),
      )
    ).accepted,
    count,
  );
  const shown = seriesOf(await scrapeOf(gateway));
  assert.equal(shown.size, count);
  for (const [series, value] of shown) {
    const i = Number(/id="(\d+)"/.exec(series)?.[1]);
    assert.equal(value, (i / 7).toExponential());
  }
  // Most blocks overwrote themselves: Redis does not hold the first values beside the later ones.
  const memory = (await redis.cli('INFO', 'memory')).matchAll(/used_memory:(\d+)/g);
  const used = Array.from(memory, ([, bytes]) => Number(bytes)).reduce((sum, bytes) => sum + bytes);
  assert.ok(used < 250 * count, `${used / count} bytes a series`);
});

test('histograms of a body of many blocks stay whole, and are replaced whole', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  const count = 5000;
  const histograms = (bounds: readonly string[], value: number): string => {
    const lines = ['# TYPE took_seconds histogram\n'];
    for (let i = 0; i < count; i++) {
      for (const le of bounds)
        lines.push(`took_seconds_bucket{le="${le}",path="/path/number/${i}"} ${value}\n`);
      lines.push(
        `took_seconds_sum{path="/path/number/${i}"} 1\ntook_seconds_count{path="/path/number/${i}"} ${value}\n`,
      );
    }
    return lines.join('');
  };
  const pushes: Array<[bounds: string[], value: number]> = [
    [['0.1', '0.5', '1', '2.5', '5', '10', '+Inf'], 1],
    [['0.1', '0.5', '1', '2.5', '5', '10', '+Inf'], 123456789],
    [['1', '10', '100', '+Inf'], 7],
  ];
  for (const [bounds, value] of pushes) {
    const answer = await ingest(gateway, histograms(bounds, value));
    assert.deepEqual(answer, { status: 200, accepted: count * (bounds.length + 2), rejected: 0, errors: [] });
    const shown = [...seriesOf(await scrapeOf(gateway))];
    assert.equal(shown.length, count * (bounds.length + 2));
    const counts = shown.filter(([series]) => !series.includes('_sum'));
    assert.deepEqual([...new Set(counts.map(([, shownValue]) => shownValue))], [String(value)]);
  }
});

test('a series is shown until its expiration and not after, and nothing but the secret is left then', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: [...redis.gatewayArgs, '--redis.expiration=3s'] });
  // The first push waits for threads and connections.
  await ingest(gateway, 'warm 1\n');
  await ingest(gateway, 'a 1\nb 1\nc{x="1"} 1\nc{x="2"} 1\n');
  const stored = Date.now();
  await sleep(1200);
  const shown = seriesOf(await scrapeOf(gateway));
  assert.ok(shown.has('a') && shown.has('c{x="1"}'));
  const renewed = Date.now();
  await ingest(gateway, 'b 2\nc{x="2"} 2\n');
  await sleep(stored + 3200 - Date.now());
  const between = seriesOf(await scrapeOf(gateway));
  if (Date.now() < renewed + 3000) {
    assert.deepEqual([...between].sort(), [
      ['b', '2'],
      ['c{x="2"}', '2'],
    ]);
  }
  await sleep(renewed + 4000 - Date.now());
  assert.equal(await scrapeOf(gateway), '');
  const keys = (await redis.cli('KEYS', '*')).split('\n');
  // The order of what may come, and the list of what there was, outlive that by a minute.
  const kept = keys.filter((key) => /:(clock|index)$/.test(key));
  for (const key of kept) assert.ok(Number(await redis.cli('PTTL', key)) < 62_000, key);
  assert.deepEqual(
    keys.filter((key) => !kept.includes(key)),
    ['pushgateway:secret'],
  );
});

test('an expiration of 0 keeps for ever', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: [...redis.gatewayArgs, '--redis.expiration=0'] });
  await ingest(gateway, 'a 1\n');
  const centuries = 100 * 365 * 24 * 3600 * 1000;
  for (const key of (await redis.cli('KEYS', '*{*')).split('\n')) {
    assert.ok(Number(await redis.cli('PTTL', key)) > centuries, key);
  }
});

test('what is pushed to one gateway is in the next scrape of another, also after both were started anew', async () => {
  await using redis = await startTopology();
  {
    await using first = await Gateway.ready({ args: redis.gatewayArgs });
    await using second = await Gateway.ready({ args: redis.gatewayArgs });
    for (let i = 1; i <= 20; i++) {
      const [from, to] = i % 2 ? [first, second] : [second, first];
      await ingest(from, `a ${i}\n`);
      assert.equal(seriesOf(await scrapeOf(to)).get('a'), String(i));
    }
  }
  await using third = await Gateway.ready({ args: redis.gatewayArgs });
  assert.equal(seriesOf(await scrapeOf(third)).get('a'), '20');
  await ingest(third, 'a 21\n');
  assert.deepEqual([...seriesOf(await scrapeOf(third))], [['a', '21']]);
});

test('a Redis that comes back empty is an empty store, and pushes go on', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  await ingest(gateway, 'a 1\n');
  await redis.restart();
  await gateway.whenReady();
  assert.equal(await scrapeOf(gateway), '');
  assert.equal((await ingest(gateway, 'a 2\n')).status, 200);
  assert.deepEqual([...seriesOf(await scrapeOf(gateway))], [['a', '2']]);
});

test('a Redis that is flushed while gateways run keeps one identity for all of them', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  await ingest(gateway, 'a{x="1"} 1\n');
  const secret = await redis.cli('--no-raw', 'GET', 'pushgateway:secret');
  await redis.flush();
  await sleep(1500);
  await using other = await Gateway.ready({ args: redis.gatewayArgs });
  assert.equal(await redis.cli('--no-raw', 'GET', 'pushgateway:secret'), secret);
  await ingest(gateway, 'a{x="1"} 2\n');
  await ingest(other, 'a{x="1"} 3\n');
  assert.deepEqual([...seriesOf(await scrapeOf(gateway))], [['a{x="1"}', '3']]);
});

test('a Redis that is out of memory refuses pushes, and is scraped all the same', async () => {
  await using redis = await startTopology();
  await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
  await ingest(gateway, 'a 1\n');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  // Longer than it takes to notice that Redis is not well.
  await sleep(1500);
  const refused = await ingest(gateway, 'a 2\nb 2\n');
  assert.equal(refused.status, 503);
  assert.deepEqual([refused.accepted, refused.not_stored], [0, 2]);
  assert.deepEqual([...seriesOf(await scrapeOf(gateway))], [['a', '1']]);
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  assert.equal((await ingest(gateway, 'a 3\n')).status, 200);
});

test('what was acknowledged is there after the gateway was killed at any moment', async () => {
  await using redis = await startTopology();
  await using witness = await Gateway.ready({ args: redis.gatewayArgs });
  const acknowledged = new Map<string, number>();
  for (let round = 1; round <= 6; round++) {
    await using gateway = await Gateway.ready({ args: redis.gatewayArgs });
    await ingest(gateway, 'warm 1\n');
    const kill = sleep(20 + round * 35).then(() => gateway.kill('SIGKILL'));
    const push = async (client: number): Promise<void> => {
      for (let n = 1; ; n++) {
        const value = round * 1e6 + n;
        try {
          const answer = await ingest(
            gateway,
            `a{client="${client}"} ${value}\nb{client="${client}"} ${value}\n`,
          );
          if (answer.status !== 200) return;
        } catch {
          return;
        }
        acknowledged.set(`a{client="${client}"}`, value);
        acknowledged.set(`b{client="${client}"}`, value);
      }
    };
    await Promise.all([kill, ...[1, 2, 3, 4].map(push)]);
    const shown = seriesOf(await scrapeOf(witness));
    for (const [series, value] of acknowledged) {
      assert.ok(Number(shown.get(series)) >= value, `${series}: ${shown.get(series)} after ${value}`);
    }
  }
  assert.ok(acknowledged.size > 0);
});
