import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { type GroupInfo, groupOf } from '../../src/redis/group.ts';
import type { GroupPushOutcome } from '../../src/redis/group-push.ts';
import { deleteGroup, groupFamilies, wipe } from '../../src/redis/group-store.ts';
import { LiveGroups } from '../../src/redis/groups.ts';
import { BUCKETS } from '../../src/redis/keys.ts';
import type { Labels } from '../../src/redis/label-text.ts';
import { READ_LIMITS } from '../../src/redis/read-limits.ts';
import { seriesOf, TestStorage, useStorage } from '../support/storage.ts';

const { redis, storage } = await useStorage();

const A: Labels = [['job', 'a']];
const B: Labels = [['job', 'b']];
const LABELS_A = 'instance="",job="a"';
const LABELS_B = 'instance="",job="b"';
/** Families in different buckets, so that a push of them takes several calls. */
const SPREAD = Array.from({ length: 12 }, (_, i) => `spread_${i}`);
const PAGED = { limits: { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 } };

function stored(outcome: GroupPushOutcome): void {
  assert.equal(outcome.status, 'stored', JSON.stringify(outcome));
}

function refused(outcome: GroupPushOutcome, reason: string): void {
  assert.equal(outcome.status, 'refused', JSON.stringify(outcome));
  if (outcome.status !== 'refused') return;
  assert.equal(outcome.partly, false);
  assert.equal(outcome.refusals[0]?.reason, reason);
}

async function shown(): Promise<Record<string, string>> {
  const whole = seriesOf(await storage.scrape());
  assert.deepEqual(seriesOf(await storage.scrape(PAGED)), whole, 'a paged scrape shows something else');
  return Object.fromEntries(whole);
}

function spread(labels: string, value: number): Record<string, Record<string, number>> {
  return Object.fromEntries(SPREAD.map((name) => [name, { [labels]: value }]));
}

test('PUT replaces the group, POST the families that it names, merge the series', async () => {
  stored(
    await storage.pushGroup(A, { x: { [LABELS_A]: 1, [`${LABELS_A},z="1"`]: 2 }, y: { [LABELS_A]: 3 } }),
  );
  stored(await storage.pushGroup(B, { x: { [LABELS_B]: 4 } }));
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 5 } }, { mode: 'post' }));
  assert.deepEqual(await shown(), {
    [`x{${LABELS_A}}`]: '5',
    [`y{${LABELS_A}}`]: '3',
    [`x{${LABELS_B}}`]: '4',
  });
  stored(await storage.pushGroup(A, { x: { [`${LABELS_A},z="2"`]: 6 } }, { mode: 'merge' }));
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 7 } }, { mode: 'merge' }));
  assert.deepEqual(await shown(), {
    [`x{${LABELS_A}}`]: '7',
    [`x{${LABELS_A},z="2"}`]: '6',
    [`y{${LABELS_A}}`]: '3',
    [`x{${LABELS_B}}`]: '4',
  });
  stored(await storage.pushGroup(A, { y: { [LABELS_A]: 8 } }, { mode: 'merge', type: 'untyped' }));
  assert.match(await storage.scrape(), /# TYPE y gauge\ny\{.*\} 8\n/);
  stored(await storage.pushGroup(A, { z: { [LABELS_A]: 8 } }));
  assert.deepEqual(await shown(), { [`z{${LABELS_A}}`]: '8', [`x{${LABELS_B}}`]: '4' });
  stored(await storage.pushGroup(A, {}));
  assert.deepEqual(await shown(), { [`x{${LABELS_B}}`]: '4' });
});

test('a family of many blocks is replaced by one of few, and by one of many calls', async () => {
  const many = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`${LABELS_A},s="${i}"`, i]));
  stored(await storage.pushGroup(A, { x: many }, { blockSize: 1 }));
  assert.equal(Object.keys(await shown()).length, 700);
  stored(await storage.pushGroup(A, { x: { [`${LABELS_A},s="3"`]: 'NaN' } }));
  assert.deepEqual(await shown(), { [`x{${LABELS_A},s="3"}`]: 'NaN' });
  stored(await storage.pushGroup(A, { x: many }, { blockSize: 2 }));
  assert.equal(Object.keys(await shown()).length, 700);
});

test('a group of very many families is replaced, remembers them all, and is deleted', async () => {
  const families = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`many_${from + i}`, { [LABELS_A]: i }]));
  const held = async () => {
    const names: string[] = [];
    for await (const { name, timeS } of groupFamilies(storage.connection, storage.keys, A)) {
      if (timeS > 0) names.push(name);
    }
    return names.sort();
  };
  stored(await storage.pushGroup(A, families(0, 2500)));
  assert.deepEqual(await held(), Object.keys(families(0, 2500)).sort());
  stored(await storage.pushGroup(A, families(1200, 3700)));
  assert.deepEqual(await held(), Object.keys(families(1200, 3700)).sort());
  assert.equal(Object.keys(await shown()).length, 2500);
  refused(
    await storage.pushGroup(
      B,
      { ...families(4000, 6500), many_2000: { [LABELS_B]: 1 } },
      { type: 'counter' },
    ),
    'taken',
  );
  await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 });
  assert.deepEqual(await shown(), {});
  const keys = (await redis.cli('KEYS', '*:g:*')).split('\n').filter((key) => key !== '');
  assert.deepEqual(keys, []);
});

test('a group that is deleted leaves nothing but what others hold', async () => {
  stored(await storage.pushGroup(A, spread(LABELS_A, 1)));
  stored(await storage.pushGroup(B, { spread_1: { [LABELS_B]: 2 } }));
  assert.equal(await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 }), true);
  assert.equal(await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 }), false);
  assert.deepEqual(await shown(), { [`spread_1{${LABELS_B}}`]: '2' });
  assert.equal(await deleteGroup(storage.connection, storage.keys, B, { timeoutMs: 5000 }), true);
  const keys = (await redis.cli('KEYS', '*')).split('\n').filter((key) => !key.endsWith(':clock'));
  assert.deepEqual(keys, []);
});

test('one type a family: refused whole when others hold another, whatever the number of families', async () => {
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 1 } }));
  refused(
    await storage.pushGroup(B, { ...spread(LABELS_B, 1), x: { [LABELS_B]: 2 } }, { type: 'counter' }),
    'taken',
  );
  refused(await storage.pushGroup(B, { x: { [LABELS_B]: 2 } }, { type: 'counter' }), 'taken');
  assert.deepEqual(await shown(), { [`x{${LABELS_A}}`]: '1' });
  // What was reserved for the refused push is free again.
  stored(await storage.pushGroup(B, spread(LABELS_B, 1), { type: 'gauge' }));
});

test('a push that is refused takes nothing from its group, and does not prolong it', async () => {
  stored(await storage.pushGroup(B, { x: { [LABELS_B]: 1 } }));
  stored(await storage.pushGroup(A, { y: { [LABELS_A]: 1 }, z: { [LABELS_A]: 1 } }, { ttlMs: 2000 }));
  const pushedAt = Date.now();
  const before = await shown();
  for (const mode of ['put', 'post', 'merge'] as const) {
    refused(await storage.pushGroup(A, { x: { [LABELS_A]: 1 } }, { mode, type: 'counter' }), 'taken');
    assert.deepEqual(await shown(), before);
  }
  await sleep(pushedAt + 2050 - Date.now());
  assert.deepEqual(await shown(), { [`x{${LABELS_B}}`]: '1' });
});

test('a group that alone holds a family may change its type', async () => {
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 1 } }));
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 2 } }, { type: 'counter' }));
  stored(await storage.pushGroup(A, { ...spread(LABELS_A, 1), x: { [LABELS_A]: 3 } }, { mode: 'post' }));
  assert.match(await storage.scrape(), /# TYPE x gauge\nx\{.*\} 3\n/);
  stored(await storage.pushGroup(B, { x: { [LABELS_B]: 4 } }));
  refused(await storage.pushGroup(A, { x: { [LABELS_A]: 5 } }, { type: 'counter' }), 'taken');
  await deleteGroup(storage.connection, storage.keys, B, { timeoutMs: 5000 });
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 5 } }, { type: 'counter' }));
  refused(await storage.pushGroup(A, { x: { [LABELS_A]: 5 } }, { mode: 'merge' }), 'taken');
});

test('names: a histogram keeps x_count from others, and gives it up when its group is replaced', async () => {
  const histogram = (labels: string) => [
    {
      name: 'x',
      kind: 'histogram' as const,
      type: 'histogram',
      help: undefined,
      unit: undefined,
      blocks: [storage.blockOf('histogram', [[labels, `x_count{${labels}} 1\n`]])],
    },
  ];
  stored(await storage.pushGroupOf(A, histogram(LABELS_A)));
  refused(await storage.pushGroup(B, { x_count: { [LABELS_B]: 1 } }), 'taken');
  refused(await storage.pushGroup(A, { x_count: { [LABELS_A]: 1 } }, { mode: 'post' }), 'taken');
  stored(await storage.pushGroup(A, { ...spread(LABELS_A, 1), x_count: { [LABELS_A]: 1 } }));
  refused(await storage.pushGroupOf(B, histogram(LABELS_B)), 'taken');
});

test('a series has one group', async () => {
  const both: Labels = [
    ['instance', 'i'],
    ['job', 'a'],
  ];
  const labels = 'instance="i",job="a"';
  stored(await storage.pushGroup(A, { x: { [labels]: 1, [LABELS_A]: 2 } }));
  refused(await storage.pushGroup(both, { x: { [labels]: 3 } }), 'shared');
  refused(await storage.pushGroup(both, { ...spread(labels, 1), x: { [labels]: 3 } }), 'shared');
  stored(await storage.pushGroup(both, { x: { [`${labels},z="1"`]: 3 } }));
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 4 } }));
  stored(await storage.pushGroup(both, { x: { [labels]: 5 } }));
  refused(await storage.pushGroup(A, { x: { [labels]: 1 } }), 'shared');
  assert.deepEqual(await shown(), { [`x{${LABELS_A}}`]: '4', [`x{${labels}}`]: '5' });
});

test('a group that is pushed time and again as it was keeps its series from other groups all the time', async () => {
  const both: Labels = [
    ['instance', 'i'],
    ['job', 'a'],
  ];
  const labels = 'instance="i",job="a"';
  // So the family itself does not end sooner, and the group is all that changes in it.
  await storage.push('x', { 's="1"': 1 }, { ttlMs: 60_000 });
  for (let push = 0; push < 4; push++) {
    stored(await storage.pushGroup(A, { x: { [labels]: push } }, { ttlMs: 1000 }));
    await sleep(500);
  }
  refused(await storage.pushGroup(both, { x: { [labels]: 9 } }), 'shared');
  assert.equal((await shown())[`x{${labels}}`], '3');
});

test('a group ends as a whole, and a push of one family prolongs all; what has ended does not come back', async () => {
  stored(await storage.pushGroup(A, spread(LABELS_A, 1), { ttlMs: 2000 }));
  await sleep(1200);
  stored(await storage.pushGroup(A, { spread_0: { [LABELS_A]: 2 } }, { mode: 'post', ttlMs: 2000 }));
  await sleep(1200);
  assert.equal(Object.keys(await shown()).length, SPREAD.length);
  stored(await storage.pushGroup(A, { spread_0: { [LABELS_A]: 3 } }, { mode: 'post', ttlMs: 150 }));
  await sleep(200);
  assert.deepEqual(await shown(), {});
  stored(await storage.pushGroup(A, { spread_1: { [`${LABELS_A},z="1"`]: 4 } }, { mode: 'merge' }));
  stored(await storage.pushGroup(A, { spread_2: { [LABELS_A]: 5 } }, { mode: 'post' }));
  assert.deepEqual(await shown(), { [`spread_1{${LABELS_A},z="1"}`]: '4', [`spread_2{${LABELS_A}}`]: '5' });
});

test('what a group has hidden of /ingest does not come back when the group is replaced or deleted', async () => {
  const full: Labels = [
    ['instance', 'i'],
    ['job', 'a'],
  ];
  const labels = 'instance="i",job="a"';
  await storage.push('x', { [labels]: 1, 'other="1"': 2 });
  stored(await storage.pushGroup(full, { x: { [labels]: 3 } }));
  assert.deepEqual(await shown(), { [`x{${labels}}`]: '3', 'x{other="1"}': '2' });
  await deleteGroup(storage.connection, storage.keys, full, { timeoutMs: 5000 });
  assert.deepEqual(await shown(), { 'x{other="1"}': '2' });
  await compactFamily(storage.connection, storage.keys, 'x');
  assert.deepEqual(await shown(), { 'x{other="1"}': '2' });
  stored(await storage.pushGroup(full, { x: { [labels]: 4 } }));
  await storage.push('x', { [labels]: 5 });
  assert.deepEqual(await shown(), { [`x{${labels}}`]: '5', 'x{other="1"}': '2' });
  await deleteGroup(storage.connection, storage.keys, full, { timeoutMs: 5000 });
  assert.deepEqual(await shown(), { [`x{${labels}}`]: '5', 'x{other="1"}': '2' });
});

test('many pushes to one group at once, through two gateways, come one after the other and lose nothing', async () => {
  await using other = await TestStorage.connect(redis);
  const pushes = Array.from({ length: 40 }, (_, i) =>
    (i % 2 === 0 ? storage : other).pushGroup(
      A,
      { [`family_${i}`]: { [LABELS_A]: i }, [`second_${i}`]: { [LABELS_A]: i } },
      { mode: 'post' },
    ),
  );
  for (const outcome of await Promise.all(pushes)) stored(outcome);
  assert.equal(Object.keys(await shown()).length, 80);
  const families: string[] = [];
  for await (const { name } of groupFamilies(storage.connection, storage.keys, A)) families.push(name);
  assert.equal(families.length, 80);
});

test('many groups that make one family at once, half as gauge and half as counter: one type is stored', async () => {
  await using other = await TestStorage.connect(redis);
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const labels = `instance="",job="j${i}"`;
      return (i % 2 === 0 ? storage : other).pushGroup(
        [['job', `j${i}`]],
        { contested: { [labels]: i }, [`own_${i}`]: { [labels]: i } },
        { type: i % 4 < 2 ? 'gauge' : 'counter' },
      );
    }),
  );
  const good = outcomes.filter(({ status }) => status === 'stored');
  for (const outcome of outcomes) if (outcome.status !== 'stored') refused(outcome, 'taken');
  assert.equal(good.length, 10);
  const exposition = await storage.scrape();
  assert.equal(exposition.match(/# TYPE contested /g)?.length, 1);
  assert.equal(exposition.match(/^own_/gm)?.length, 10);
});

test('records: labels, times of pushes and failures, deadline', async () => {
  const labels: Labels = [
    ['a', 'x"\\\n{},=ü'],
    ['ü.b', ''],
    ['job', 'a'],
  ];
  const sorted = [...labels].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  stored(await storage.pushGroup(sorted, { x: { s: 1 } }, { ttlMs: 0 }));
  stored(await storage.pushGroup(A, { y: { [LABELS_A]: 1 } }, { ttlMs: 60_000 }));
  refused(await storage.pushGroup(B, { y: { [LABELS_B]: 1 } }, { type: 'counter' }), 'taken');
  const groups: GroupInfo[] = [];
  const live = await LiveGroups.open(storage.connection, storage.keys);
  for await (const group of live.all()) groups.push(group);
  const of = (key: Labels) => groups.find((group) => JSON.stringify(group.labels) === JSON.stringify(key));
  assert.equal(groups.length, 3);
  assert.ok((of(sorted)?.deadlineMs ?? 0) > Date.now() + 1e12);
  assert.ok(Math.abs((of(A)?.deadlineMs ?? 0) - Date.now() - 60_000) < 5000);
  assert.ok(Math.abs((of(A)?.pushTimeS ?? 0) - Date.now() / 1000) < 5);
  assert.equal(of(A)?.failureTimeS, 0);
  assert.equal(of(B)?.pushTimeS, 0);
  assert.ok(Math.abs((of(B)?.failureTimeS ?? 0) - Date.now() / 1000) < 5);
});

test('groups that fill several pages of a bucket are each there once', async () => {
  stored(await storage.pushGroup(A, { x: { [LABELS_A]: 1 } }));
  const { bucket, id } = groupOf(A);
  const record = (await storage.connection.command('HGET', storage.keys.groups(bucket), id)) as Buffer;
  const counts = new Map([0, 7, 8, 63].map((full, i) => [full, 1200 + i]));
  counts.delete(bucket);
  for (const [full, count] of counts) {
    for (let from = 0; from < count; from += 100) {
      const numbers = Array.from({ length: Math.min(100, count - from) }, (_, i) => from + i);
      const fields = numbers.flatMap((number) => [String(number).padStart(8, '0'), record]);
      await storage.connection.command('HSET', storage.keys.groups(full), ...fields);
    }
  }
  counts.set(bucket, 1);
  const live = await LiveGroups.open(storage.connection, storage.keys);
  for (const time of ['first', 'second']) {
    for (let other = 0; other < BUCKETS; other++) {
      let shown = 0;
      for await (const page of live.pagesOf(other)) shown += page.length;
      assert.equal(shown, counts.get(other) ?? 0, `bucket ${other}, the ${time} time`);
    }
  }
});

test('a wipe leaves nothing', async () => {
  stored(await storage.pushGroup(A, spread(LABELS_A, 1)));
  await storage.push('ingested', { s: 1 });
  await wipe(storage.connection, storage.keys);
  assert.deepEqual(await shown(), {});
  const keys = (await redis.cli('KEYS', '*')).split('\n').filter((key) => !key.endsWith(':clock'));
  assert.deepEqual(keys, []);
});

/** As a push leaves a new group whose gateway is killed before it has ended. */
async function leaveUnended(group: Labels, families: Parameters<typeof storage.pushGroup>[1]): Promise<void> {
  stored(await storage.pushGroup(group, families, { ttlMs: 0 }));
  await storage.connection.command('DEL', storage.keys.groups(groupOf(group).bucket));
}

test('what an unended push has left of a new group goes with the next one, or with a deletion', async () => {
  for (const mode of ['put', 'post'] as const) {
    await leaveUnended(A, spread(LABELS_A, 1));
    stored(await storage.pushGroup(A, { x: { [LABELS_A]: 2 } }, { mode }));
    assert.deepEqual(await shown(), { [`x{${LABELS_A}}`]: '2' }, mode);
    const names: string[] = [];
    for await (const { name } of groupFamilies(storage.connection, storage.keys, A)) names.push(name);
    assert.deepEqual(names, ['x'], mode);
  }
  await leaveUnended(B, spread(LABELS_B, 1));
  refused(
    await storage.pushGroup(B, { spread_0: { [LABELS_B]: 1 }, x: { [LABELS_B]: 1 } }, { type: 'counter' }),
    'taken',
  );
  await deleteGroup(storage.connection, storage.keys, B, { timeoutMs: 5000 });
  assert.deepEqual(await shown(), { [`x{${LABELS_A}}`]: '2' });
});

test('after a wipe beside pushes no series is without its group', async () => {
  await using other = await TestStorage.connect(redis);
  for (let i = 0; i < 20; i++)
    await storage.pushGroup([['job', `old${i}`]], spread(`instance="",job="old${i}"`, 1));
  let wiped = false;
  const pushing = (async () => {
    let pushes = 0;
    while (!wiped || pushes < 20) {
      const job = `new${pushes++}`;
      stored(await other.pushGroup([['job', job]], spread(`instance="",job="${job}"`, 1), { ttlMs: 0 }));
    }
  })();
  await wipe(storage.connection, storage.keys);
  wiped = true;
  await pushing;
  const live = await LiveGroups.open(storage.connection, storage.keys);
  for await (const { labels } of live.all())
    await deleteGroup(storage.connection, storage.keys, labels, { timeoutMs: 5000 });
  assert.deepEqual(await shown(), {});
});
