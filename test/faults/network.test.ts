import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB, SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SteadyPushes } from '../support/steady-pushes.ts';
import { seriesOf } from '../support/storage.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

async function rssOf({ pid }: Gateway): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
}

/** The most resident memory until `stop`. */
function watchRss(gateway: Gateway): { stop(): Promise<number> } {
  let most = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      most = Math.max(most, await rssOf(gateway));
      await sleep(50);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await watching;
      return most;
    },
  };
}

/** A Redis behind a proxy, and a gateway that uses it. */
async function behindProxy(args: readonly string[] = []) {
  const redis = await RedisServer.start();
  const proxy = await TcpProxy.start(redis.port);
  const gateway = await Gateway.ready({ args: [`--redis.endpoint=${proxy.endpoint}`, ...args] });
  return {
    redis,
    proxy,
    gateway,
    [Symbol.asyncDispose]: async () => {
      await proxy.set({});
      await gateway.stop();
      await proxy[Symbol.asyncDispose]();
      await redis.stop();
    },
  };
}

const families = (count: number, value: number): string =>
  Array.from({ length: count }, (_, i) => `far{i="${i}"} ${value}\nnear{i="${i}"} ${value}\n`).join('');

test('a slow line: pushes and scrapes take longer and are right', async () => {
  await using rig = await behindProxy();
  assert.equal((await ingest(rig.gateway, 'a 1\n')).status, 200);
  await rig.proxy.set({ latencyMs: 200, jitterMs: 50 });
  const answer = await ingest(rig.gateway, families(20_000, 1));
  assert.deepEqual(answer, { status: 200, accepted: 40_000, rejected: 0, errors: [] });
  const put = await fetch(`${rig.gateway.url}/metrics/job/a`, { method: 'PUT', body: families(100, 2) });
  assert.equal(put.status, 200);
  assert.equal(seriesOf(await scrapeOf(rig.gateway)).size, 40_000 + 1 + 200 + 3);
});

test('a thin line: the sender is slowed down, and memory does not hold what cannot go on', async () => {
  // Before the proxy runs, which it would hold up.
  const thin = (n: number): string =>
    Array.from({ length: 2000 }, (_, i) => `thin_${n % 50}{i="${n}-${i}"} 1\n`).join('');
  const ordinary = Buffer.from(Array.from({ length: 400 }, (_, n) => thin(n)).join(''));
  await using rig = await behindProxy(['--redis.timeout=2m']);
  // What a push of this kind needs on any line, and threads then keep: 70 MiB, of which most are the heaps of V8.
  assert.deepEqual(await ingest(rig.gateway, ordinary), {
    status: 200,
    accepted: 800_000,
    rejected: 0,
    errors: [],
  });
  await rig.proxy.set({ bytesPerSecond: 100_000 });
  const before = await rssOf(rig.gateway);
  const rss = watchRss(rig.gateway);
  let sent = 0;
  const push = request(`${rig.gateway.url}/ingest`, { method: 'POST' });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    push.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
  answered.catch(() => {});
  let slowed = false;
  for (let n = 0; sent < 50 * MIB; n++) {
    const text = thin(n);
    sent += text.length;
    if (push.write(text)) continue;
    const drained = once(push, 'drain').then(() => true);
    if (slowed || (await Promise.race([drained, sleep(3 * SECOND, false)]))) {
      if (slowed) await drained;
      continue;
    }
    // Nobody takes more: from here on the line is as wide as ever.
    slowed = true;
    assert.ok(sent < 40 * MIB, `${sent} bytes were taken`);
    await rig.proxy.set({});
    await drained;
  }
  push.end();
  assert.equal(await answered, 200);
  assert.ok(slowed, 'the sender never had to wait');
  const grown = (await rss.stop()) - before;
  assert.ok(grown <= 64 * MIB, `${grown / MIB} MiB`);
});

test('connections that are reset at any byte: what was acknowledged is there, each family old or new', async () => {
  await using rig = await behindProxy();
  const put = async (value: number): Promise<number> => {
    const answer = await fetch(`${rig.gateway.url}/metrics/job/a`, {
      method: 'PUT',
      body: families(1500, value),
    });
    await answer.text();
    return answer.status;
  };
  assert.equal(await put(1), 200);
  const before = rig.proxy.sent;
  assert.equal(await put(2), 200);
  const bytes = rig.proxy.sent - before;
  const statuses = new Map<number, number>();
  let stored = { far: 2, near: 2 };
  for (let round = 3; round < 103; round++) {
    await rig.proxy.set({ resetAfterBytes: Math.ceil(Math.random() * bytes) });
    const status = await put(round);
    await rig.proxy.set({});
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    await rig.gateway.whenReady();
    const values = { far: new Set<number>(), near: new Set<number>() };
    let shown = '';
    await until(
      async () => {
        shown = await scrapeOf(rig.gateway).catch(() => '');
        return shown !== '';
      },
      10 * SECOND,
      'scrapes work',
    );
    const series = seriesOf(shown);
    for (const [name, value] of series) {
      const family = /^(far|near)\{/.exec(name)?.[1] as 'far' | 'near' | undefined;
      if (family) values[family].add(Number(value));
    }
    assert.equal(series.size, 3000 + 3);
    for (const family of ['far', 'near'] as const) {
      assert.equal(values[family].size, 1, `a mix of ${[...values[family]]}`);
      const [value] = values[family];
      assert.ok(status === 200 ? value === round : value === stored[family] || value === round);
      stored = { ...stored, [family]: value };
    }
  }
  // Most of those that were hit have been tried again.
  assert.ok(rig.proxy.cuts > 50, `only ${rig.proxy.cuts} pushes were hit`);
});

test('a deletion whose connection is reset at any byte: done and told so, or refused and told so', async () => {
  await using rig = await behindProxy();
  const url = `${rig.gateway.url}/metrics/job/gone`;
  const held = Array.from({ length: 100 }, (_, i) => `held_${i} 1\n`).join('');
  const send = async (method: string): Promise<number> => {
    const answer = await fetch(url, { method, ...(method === 'PUT' && { body: held }) });
    await answer.text();
    return answer.status;
  };
  const shown = async (): Promise<number> => {
    let text: string | undefined;
    await until(
      async () => {
        text = await scrapeOf(rig.gateway).catch(() => undefined);
        return text !== undefined;
      },
      10 * SECOND,
      'scrapes work',
    );
    return [...seriesOf(text ?? '').keys()].filter((series) => series.includes('job="gone"')).length;
  };
  // The first ones send the scripts as well.
  assert.equal(await send('PUT'), 200);
  assert.equal(await send('DELETE'), 202);
  assert.equal(await send('PUT'), 200);
  const before = rig.proxy.sent;
  assert.equal(await send('DELETE'), 202);
  const bytes = rig.proxy.sent - before;
  const statuses = new Map<number, number>();
  for (let round = 0; round < 30; round++) {
    await until(async () => (await send('PUT')) === 200, 20 * SECOND, 'the group is there');
    await rig.proxy.set({ resetAfterBytes: Math.ceil(Math.random() * bytes) });
    const status = await send('DELETE');
    await rig.proxy.set({});
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 202) {
      assert.equal(await shown(), 0);
      continue;
    }
    assert.equal(status, 503);
    await rig.gateway.whenReady();
    await until(async () => (await send('DELETE')) === 202, 20 * SECOND, 'it is deleted');
    assert.equal(await shown(), 0);
  }
  assert.ok(rig.proxy.cuts > 15, `only ${rig.proxy.cuts} deletions were hit`);
  // Tried again, as pushes are.
  assert.ok((statuses.get(202) ?? 0) > 22, `${[...statuses]}`);
});

/** A gauge or counter of the gateway's own. */
async function own(gateway: Gateway, name: string): Promise<number> {
  const telemetry = await (await fetch(`${gateway.url}/telemetry`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(telemetry)?.[1]);
}

test('a black hole: pushes fail fast, nothing queues up, and all is well afterwards', async () => {
  await using rig = await behindProxy(['--redis.timeout=1s']);
  const pushes = SteadyPushes.start([rig.gateway], { clients: 40, everyMs: 200 });
  await pushes.allAcknowledged(10 * SECOND);
  await sleep(2 * SECOND);
  const before = await rssOf(rig.gateway);
  const rss = watchRss(rig.gateway);
  await rig.proxy.set({ blackHole: true });
  await rig.gateway.whenNotReady();
  const ends = performance.now() + 30 * SECOND;
  // What was under way is answered in time.
  await sleep(5 * SECOND);
  while (performance.now() < ends) {
    assert.equal(await own(rig.gateway, 'pushgateway_worker_tasks_in_flight'), 0);
    assert.equal(await own(rig.gateway, 'pushgateway_ingest_bodies_waiting'), 0);
    await sleep(SECOND);
  }
  assert.equal((await fetch(`${rig.gateway.url}/-/healthy`)).status, 200);
  const grown = (await rss.stop()) - before;
  await rig.proxy.set({});
  await rig.gateway.whenReady();
  await pushes.allAcknowledged(10 * SECOND);
  await pushes.stop();
  assert.deepEqual([...pushes.answers.keys()].sort(), [200, 503]);
  // Each client went on at its pace: an answer within the timeout, not after the hole.
  assert.ok((pushes.answers.get(503) ?? 0) > 1500, `${pushes.answers.get(503)} refused`);
  assert.ok(grown < 64 * MIB, `${grown / MIB} MiB`);
});

test('a line on which every byte comes by itself', async () => {
  await using rig = await behindProxy();
  await rig.proxy.set({ sliceBytes: 1 });
  const answer = await ingest(rig.gateway, families(50, 7));
  assert.deepEqual(answer, { status: 200, accepted: 100, rejected: 0, errors: [] });
  const put = await fetch(`${rig.gateway.url}/metrics/job/a`, { method: 'PUT', body: families(20, 8) });
  assert.equal(put.status, 200);
  const shown = seriesOf(await scrapeOf(rig.gateway));
  assert.equal(shown.size, 100 + 40 + 3);
  assert.equal(shown.get('far{i="49"}'), '7');
});

test('a Redis that cannot be reached at all, and can again', async () => {
  await using rig = await behindProxy();
  await rig.proxy.set({ down: true });
  await rig.gateway.whenNotReady();
  assert.equal((await ingest(rig.gateway, 'a 1\n')).status, 503);
  await rig.proxy.set({});
  await rig.gateway.whenReady();
  await until(async () => (await ingest(rig.gateway, 'a 1\n')).status === 200, 10 * SECOND, 'pushes work');
});
