import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlockView } from '../../src/redis/block.ts';
import { compactFamily } from '../../src/redis/compaction.ts';
import { META, readMeta } from '../../src/redis/family-meta.ts';
import { groupOf } from '../../src/redis/group.ts';
import { deleteGroup, groupFamilies } from '../../src/redis/group-store.ts';
import { heldUntilMs, isBlock, isLone } from '../../src/redis/holdings.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import type { Labels } from '../../src/redis/label-text.ts';
import { READ_LIMITS } from '../../src/redis/read-limits.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

/* What a group has of a family, while that is one small block, and when it no longer is. */

const { redis, storage } = await useStorage();
const A: Labels = [['job', 'a']];

/** Values by number of the series. */
function pushA(values: Record<number, number>, options: Parameters<typeof storage.pushGroup>[2] = {}) {
  const series = Object.entries(values).map(([number, value]) => [`job="a",s="${number}"`, value]);
  return storage.pushGroup(A, { m: Object.fromEntries(series) }, options);
}

async function ingest(values: Record<number, number>): Promise<void> {
  const series = Object.entries(values).map(([number, value]) => [`job="a",s="${number}"`, value]);
  await storage.push('m', Object.fromEntries(series));
}

async function shown(): Promise<Record<string, string>> {
  const values = [...seriesOf(await storage.scrape())].map(([series, value]) => [
    /s="(.)"/.exec(series)?.[1] ?? series,
    value,
  ]);
  return Object.fromEntries(values.sort());
}

async function fieldsOf(family = 'm'): Promise<Map<string, Buffer>> {
  const all = await storage.fieldsOf(family);
  return new Map(
    all.flatMap((field, i) => (i % 2 === 0 ? [[field.toString('latin1'), all[i + 1]] as const] : [])),
  );
}

/** Of the blocks: lone ones, and others. */
async function forms(): Promise<{ lone: number; others: number; holdings: number }> {
  const fields = [...(await fieldsOf()).keys()];
  const blocks = fields.filter(isBlock);
  const lone = blocks.filter(isLone).length;
  const { noted, ...counts } = await storage.countsOf('m');
  assert.deepEqual(noted, counts);
  return {
    lone,
    others: blocks.length - lone,
    holdings: fields.filter((field) => field.startsWith('p')).length,
  };
}

async function heldByA(): Promise<string[]> {
  const families: string[] = [];
  for await (const { name, pieces } of groupFamilies(storage.connection, storage.keys, A))
    families.push(`${name} ${pieces.map(({ text }) => text).join('')}`);
  return families;
}

const isApart = process.env['TEST_VALUES'] === 'apart';

async function assertLone(): Promise<void> {
  const found = await forms();
  // Values that come apart never stand alone; but one whose stamp does not fit is sent as an argument after all.
  const has = isApart && found.lone === 0 ? { others: 1, holdings: 1 } : { others: 0, holdings: 0 };
  assert.deepEqual(found, { lone: 1 - has.others, ...has });
}

test('one block of a group stands alone, and is replaced in its place', async () => {
  await pushA({ 1: 1, 2: 2 });
  await assertLone();
  await pushA({ 1: 3, 2: 4 });
  assert.deepEqual(await shown(), { 1: '3', 2: '4' });
  await pushA({ 2: 5, 3: 6, 4: 7 });
  await assertLone();
  assert.deepEqual(await shown(), { 2: '5', 3: '6', 4: '7' });
  assert.deepEqual(await heldByA(), ['m m{job="a",s="2"} 5\nm{job="a",s="3"} 6\nm{job="a",s="4"} 7\n']);
  assert.equal(await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 }), true);
  assert.equal((await fieldsOf()).size, 0);
});

test('it becomes several, or a large one, and one again', async () => {
  await pushA({ 1: 1, 2: 2 });
  await pushA({ 1: 3, 2: 4 }, { blockSize: 1 });
  assert.deepEqual(await forms(), { lone: 0, others: 2, holdings: 1 });
  assert.deepEqual(await shown(), { 1: '3', 2: '4' });
  await pushA({ 2: 5 });
  await assertLone();
  assert.deepEqual(await shown(), { 2: '5' });
  const long = '7'.repeat(5000);
  await storage.pushGroup(A, { m: { 'job="a",s="2"': long } });
  assert.deepEqual(await forms(), { lone: 0, others: 1, holdings: 1 });
  assert.deepEqual(await shown(), { 2: long });
  // Who reads it in pages finds what is new, and need not begin anew.
  assert.equal(readMeta((await fieldsOf()).get(META) as Buffer).revision, 0);
  await pushA({ 3: 8 });
  await assertLone();
  assert.deepEqual(await shown(), { 3: '8' });
});

test('a merge of the same series leaves it alone, and one of others stands beside it', async () => {
  await pushA({ 1: 1 }, { mode: 'merge' });
  await pushA({ 1: 2 }, { mode: 'merge' });
  await assertLone();
  await pushA({ 2: 3 }, { mode: 'merge' });
  assert.deepEqual(await forms(), { lone: 0, others: 2, holdings: 1 });
  assert.deepEqual(await shown(), { 1: '2', 2: '3' });
  assert.equal((await heldByA()).join().split('\n').length, 3);
  await pushA({ 1: 4 });
  await assertLone();
  assert.deepEqual(await shown(), { 1: '4' });
});

test('what it hides of /ingest does not come back when it is replaced or deleted', async () => {
  await pushA({ 1: 1 });
  await ingest({ 1: 2, 2: 2 });
  // The same entries: it stays, and is newer now.
  await pushA({ 1: 3 });
  assert.deepEqual(await shown(), { 1: '3', 2: '2' });
  await pushA({ 3: 4 });
  assert.deepEqual(await shown(), { 2: '2', 3: '4' });
  assert.deepEqual(await forms(), { lone: 0, others: 3, holdings: 1 });
  assert.equal(await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 }), true);
  assert.deepEqual(await shown(), { 2: '2' });
  await compactFamily(storage.connection, storage.keys, 'm');
  assert.deepEqual(await shown(), { 2: '2' });
  assert.equal((await forms()).holdings, 0);
});

test('a group that ends, and comes back, does not show what it had', async () => {
  for (const ingested of [{ 1: 5 }, undefined]) {
    await pushA({ 1: 1 }, { ttlMs: 100 });
    if (ingested !== undefined) await ingest(ingested);
    await pushA({ 1: 2 }, { ttlMs: 100 });
    await storage.push('m', { 's="0"': 0 });
    await sleep(150);
    assert.deepEqual(await shown(), { 0: '0' });
    await pushA({ 2: 2 });
    assert.deepEqual(await shown(), { 0: '0', 2: '2' });
    await redis.flush();
  }
});

test('a push of another family prolongs it, also while it is being compacted', async () => {
  const deadlineOf = async (family: string): Promise<number> => {
    const fields = [...(await fieldsOf(family))];
    const [, held] = fields.find(([field]) => field.startsWith('p')) ?? [];
    if (held !== undefined) return -held.readDoubleLE(0);
    const [, lone] = fields.find(([field]) => isLone(field)) ?? [];
    assert.ok(lone);
    return BlockView.of(lone).deadlineMs;
  };
  const prolong = () => storage.pushGroup(A, { other: { 'job="a"': 1 } }, { mode: 'post', ttlMs: 3_600_000 });
  await pushA({ 1: 1 });
  const before = await deadlineOf('m');
  await prolong();
  const prolonged = await deadlineOf('m');
  assert.ok(prolonged > before + 3_000_000, `${before}, ${prolonged}`);

  await pushA({ 1: 1, 2: 1, 3: 1, 4: 1 });
  await ingest({ 2: 2, 3: 2, 4: 2 });
  let changes = 0;
  await compactFamily(storage.connection, storage.keys, 'm', {
    async pause(step) {
      if (step === 'change' && changes++ === 0) await prolong();
    },
  });
  const [, block] = [...(await fieldsOf('m'))].find(([field]) => field.startsWith('g')) ?? [];
  assert.ok(block);
  assert.equal(BlockView.of(block).count, 1);
  assert.ok((await deadlineOf('m')) > before + 3_000_000);
  assert.deepEqual(await shown(), { 1: '1', 2: '2', 3: '2', 4: '2', 'other{job="a"}': '1' });
});

test('a scrape that has listed one does not lose what it had when it gets another field', async () => {
  const limits = { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 };
  for (const change of [
    () => pushA({ 3: 3 }, { mode: 'merge' }),
    () => pushA({ 1: 1, 2: 2, 3: 3 }, { blockSize: 1 }),
  ]) {
    await pushA({ 1: 1, 2: 2 });
    await storage.pushGroup([['job', 'b']], { m: { 'job="b",s="0"': 0 } });
    let changed = 0;
    const pause = async (): Promise<void> => {
      if (changed++ === 0) await change();
    };
    const series = [...seriesOf(await storage.scrape({ limits, pause })).keys()].sort();
    assert.deepEqual(series.slice(0, 2), ['m{job="a",s="1"}', 'm{job="a",s="2"}']);
    await redis.flush();
  }
});

test('a series that goes from one to another under a scrape is shown once, though they were known to share none', async () => {
  const limits = { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 };
  const B: Labels = [...A, ['s', '1']];
  const pushB = (labels: string) => storage.pushGroup(B, { m: { [labels]: 1 } });
  await pushB('job="a",s="1",t="old"');
  // Its page is on its way when that of A has been read.
  await storage.pushGroup([['job', 'c']], { m: { 'job="c"': 1 } });
  await storage.pushGroup(A, { m: { 'job="a",s="1",t="moves"': 1 } });
  assert.equal(seriesOf(await storage.scrape({ limits })).size, 3);
  let pages = 0;
  const pause = async (step: string): Promise<void> => {
    if (step !== 'page' || pages++ > 0) return;
    await pushA({ 2: 2 });
    assert.equal((await pushB('job="a",s="1",t="moves"')).status, 'stored');
  };
  assert.ok(seriesOf(await storage.scrape({ limits, pause })).has('m{job="a",s="1",t="moves"}'));
});

// In a Cluster another script notes that, later.
const skip = storage.connection.isCluster;

test('a group ends at once, with all its families, however far the clock of Redis is from what its sender knows of it', {
  skip,
}, async () => {
  const { id, bucket } = groupOf(A);
  for (const offsetMs of [0, -300, -3000, 3000, 20_000]) {
    await redis.flush();
    await storage.setClock(offsetMs);
    const series = { 'job="a",s="1"': 1 };
    const several = [
      storage.block('large', [['job="a"', '1']]),
      storage.block('large', [['job="a",s="2"', '2']]),
    ];
    const family = { kind: 'plain', type: 'gauge', help: undefined, unit: undefined } as const;
    const outcome = await storage.pushGroupOf(A, [
      {
        ...family,
        name: 'm',
        blocks: [
          storage.block(
            'm',
            Object.entries(series).map(([k, v]) => [k, `${v}`]),
          ),
        ],
      },
      { ...family, name: 'large', blocks: several },
    ]);
    await storage.setClock(0);
    assert.equal(outcome.status, 'stored');
    const record = (await storage.connection.command('HGET', storage.keys.groups(bucket), id)) as Buffer;
    const holding = (await fieldsOf('large')).get(`p${id.toString('latin1')}`);
    assert.equal(holding && heldUntilMs(holding, 0), record.readDoubleLE(16), `${offsetMs} ms`);
    const [, value] = [...(await fieldsOf())].find(([field]) => isBlock(field)) ?? [];
    if (!isApart)
      assert.equal(value && BlockView.of(value).deadlineMs, record.readDoubleLE(16), `${offsetMs} ms`);
  }
});

test('the order of a family ends with it, also when it held nothing but what becomes a shadow', async () => {
  const order = storage.keys.order(bucketOf('m'), 'm');
  await pushA({ 1: 1 });
  await storage.push('m', { 's="long"': '7'.repeat(5000) }, { ttlMs: 100 });
  await sleep(150);
  await compactFamily(storage.connection, storage.keys, 'm', {
    // Then it is not noted that /ingest has nothing there any more.
    pause: async (step) => {
      if (step === 'end') await pushA({ 1: 2 });
    },
  });
  if (!isApart) assert.equal(await storage.connection.command('ZCARD', order), 1);
  assert.equal(await deleteGroup(storage.connection, storage.keys, A, { timeoutMs: 5000 }), true);
  const { blocks } = await storage.countsOf('m');
  assert.equal(await storage.connection.command('ZCARD', order), blocks);
  if (blocks > 0) assert.ok(Number(await storage.connection.command('PTTL', order)) > 0);
});

test('another group, of another shape, may not push what it holds', async () => {
  await pushA({ 1: 1 });
  const other = await storage.pushGroup(
    [
      ['job', 'a'],
      ['s', '1'],
    ],
    { m: { 'job="a",s="1"': 2 } },
  );
  assert.equal(other.status, 'refused');
  assert.deepEqual(await shown(), { 1: '1' });
});

test('who alone holds a family may change its type', async () => {
  await pushA({ 1: 1 });
  assert.equal((await pushA({ 1: 2 }, { type: 'counter' })).status, 'stored');
  assert.match(await storage.scrape(), /^# TYPE m counter\nm\{job="a",s="1"\} 2\n$/);
  await storage.pushGroup([['job', 'b']], { m: { 'job="b"': 1 } }, { type: 'counter' });
  assert.equal((await pushA({ 1: 3 }, { type: 'gauge' })).status, 'refused');
});
