import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { openSequences } from '../../src/redis/sequences.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// A series lives until the deadline of its newest push, and nothing older shows up after that.

const { redis, storage } = await useStorage();

async function shown(): Promise<Record<string, string>> {
  return Object.fromEntries(seriesOf(await storage.scrape()));
}

const compact = () => compactFamily(storage.connection, storage.keys, 'm');

test('an older value does not come back when a newer one with a short time to live ends', async () => {
  await storage.push('m', { 's="1"': 'old'.length, 's="2"': 1 }, { ttlMs: 60_000 });
  await storage.push('m', { 's="1"': 9 }, { ttlMs: 2000 });
  assert.equal((await shown())['m{s="1"}'], '9');
  await sleep(2100);
  assert.deepEqual(await shown(), { 'm{s="2"}': '1' });
  await compact();
  assert.deepEqual(await shown(), { 'm{s="2"}': '1' });
  await compact();
  assert.deepEqual(await shown(), { 'm{s="2"}': '1' });
});

test('an older value does not come back when compaction runs before and after the newer one ends', async () => {
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`s="${i}"`, i]));
  await storage.push('m', many, { ttlMs: 60_000 });
  await storage.push('m', { 's="1"': 9, 's="2"': 9 }, { ttlMs: 200 });
  await compact();
  await sleep(250);
  for (let round = 0; round < 3; round++) {
    assert.equal(Object.keys(await shown()).length, 8);
    await compact();
  }
  await storage.push('m', { 's="1"': 10 }, { ttlMs: 60_000 });
  assert.equal((await shown())['m{s="1"}'], '10');
});

test('a later push with a longer time to live renews, one with a shorter time shortens', async () => {
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 150 });
  await storage.push('m', { 's="1"': 2 }, { ttlMs: 60_000 });
  await storage.push('m', { 's="2"': 1 }, { ttlMs: 60_000 });
  await storage.push('m', { 's="2"': 2 }, { ttlMs: 150 });
  await sleep(200);
  assert.deepEqual(await shown(), { 'm{s="1"}': '2' });
});

test('0 keeps a series for ever beside others of its family that end', async () => {
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 0 });
  await storage.push('m', { 's="2"': 1 }, { ttlMs: 150 });
  await storage.push('m', { 's="3"': 1 }, { ttlMs: 150 });
  await storage.push('m', { 's="3"': 2 }, { ttlMs: 0 });
  await sleep(200);
  assert.deepEqual(await shown(), { 'm{s="1"}': '1', 'm{s="3"}': '2' });
  await compact();
  assert.deepEqual(await shown(), { 'm{s="1"}': '1', 'm{s="3"}': '2' });
});

test('once a series that was kept for ever is pushed with an end, its family ends too', async () => {
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 0 });
  await storage.push('m', { 's="1"': 2 }, { ttlMs: 150 });
  await sleep(200);
  assert.deepEqual(await shown(), {});
  await compact();
  assert.equal(await redis.cli('KEYS', '*:[fs]:*'), '');
});

test('when everything has ended nothing is left in Redis', async () => {
  await openSequences(storage.connection, storage.keys);
  for (let i = 0; i < 20; i++) await storage.push(`m${i}`, { 's="1"': 1 }, { ttlMs: 300 });
  // A reservation of sequences keeps the clock of an empty bucket for half a minute.
  const keys = (await redis.cli('KEYS', '*')).split('\n');
  for (const key of keys) assert.notEqual(await redis.cli('PTTL', key), '-1', key);
  await sleep(400);
  // Clock and index of a bucket stay for a minute longer, for a server that takes over and is behind.
  const left = (await redis.cli('KEYS', '*')).split('\n').filter((key) => !/:(clock|index)$/.test(key));
  assert.deepEqual(left.filter(Boolean), []);
});

test('metadata without samples claims nothing, and ends like a sample', async () => {
  await storage.commit([storage.family('m', [], { type: 'counter', help: 'text' })], { ttlMs: 2000 });
  assert.equal(await storage.scrape(), '');
  await storage.commit([storage.family('m', [storage.block('m', [['s="1"', '1']])], { type: undefined })]);
  assert.equal(await storage.scrape(), '# HELP m text\n# TYPE m counter\nm{s="1"} 1\n');
  await storage.commit([storage.family('n', [], { type: 'counter' })], { ttlMs: 100 });
  await sleep(150);
  assert.equal(await redis.cli('KEYS', '*:f:n'), '');
});

test('a family that has ended on a server, but not on the next, whose clock is behind, is shown when it is pushed', async () => {
  // What comes for another family of the bucket takes out of the index what has ended.
  const end = async (): Promise<void> => {
    await storage.setClock(30_000);
    await storage.commit([storage.family('m_total', [], { help: 'text' })]);
    await storage.setClock(0);
  };
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 4000 });
  await end();
  await storage.push('m', { 's="2"': 2 }, { ttlMs: 2000 });
  assert.deepEqual(await shown(), { 'm{s="1"}': '1', 'm{s="2"}': '2' });
  await redis.flush();

  const push = (value: number, ttlMs: number) =>
    storage.pushGroup([['job', 'a']], { m: { 'job="a"': value } }, { ttlMs });
  await push(1, 4000);
  await end();
  assert.equal((await push(2, 2000)).status, 'stored');
  assert.deepEqual(await shown(), { 'm{job="a"}': '2' });
  await redis.flush();

  await push(1, 4000);
  await end();
  const other = await storage.pushGroup(
    [['job', 'a']],
    { n: { 'job="a"': 1 } },
    { ttlMs: 3800, mode: 'post' },
  );
  assert.equal(other.status, 'stored');
  assert.deepEqual(await shown(), { 'm{job="a"}': '1', 'n{job="a"}': '1' });
});

test('the deadlines of a longer body, stamped by its sender, are those of the clock of Redis', async () => {
  const ttlMs = 60_000;
  try {
    // A clock that is stepped is not known to the sender at first.
    for (const [i, offsetMs] of [0, 30_000, -30_000, 0].entries()) {
      await storage.setClock(offsetMs);
      const sequences = (await openSequences(storage.connection, storage.keys)).map((s) => s + i * 2 ** 40);
      const begun = Date.now() + offsetMs;
      await storage.push('m', { 's="1"': i }, { ttlMs, sequences });
      const ended = Date.now() + offsetMs;
      const values = await storage.fieldsOf('m');
      const block = values.find((value) => value.length > 44 && value.includes('m{s='));
      const deadline = block?.readDoubleLE(8) ?? 0;
      assert.equal(deadline >= begun + ttlMs && deadline <= ended + ttlMs + 1000, true, `${offsetMs}`);
      assert.equal((await shown())['m{s="1"}'], String(i));
    }
  } finally {
    await storage.setClock(0);
  }
});
