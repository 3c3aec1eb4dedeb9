import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { openSequences, SEQUENCES_PER_BLOCK, SEQUENCES_PER_RESERVATION } from '../../src/redis/sequences.ts';
import { until } from '../support/processes.ts';
import { seriesOf, TestStorage, useStorage } from '../support/storage.ts';

// Of two pushes of one series, the one that was acknowledged later wins, by whatever path.

const { redis, storage } = await useStorage();

async function shown(series: string): Promise<string | undefined> {
  return seriesOf(await storage.scrape()).get(series);
}

test('a series that comes in another block than before has its later value', async () => {
  await storage.push('m', { 's="1"': 1, 's="2"': 1 });
  await storage.push('m', { 's="2"': 2, 's="3"': 2 });
  assert.deepEqual(
    [...seriesOf(await storage.scrape())],
    [
      ['m{s="2"}', '2'],
      ['m{s="3"}', '2'],
      ['m{s="1"}', '1'],
    ],
  );
});

test('so it is in each of many families that are read together', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
  for (const [i, name] of names.entries()) {
    await storage.push(name, { 's="1"': i, 's="2"': i });
    await storage.push(name, { 's="2"': i + 100, 's="3"': i });
    await storage.push(name, { 's="1"': i + 200, 's="4"': i });
  }
  const series = seriesOf(await storage.scrape());
  assert.equal(series.size, names.length * 4);
  for (const [i, name] of names.entries()) {
    const values = [1, 2, 3, 4].map((s) => Number(series.get(`${name}{s="${s}"}`)));
    assert.deepEqual(values, [i + 200, i + 100, i, i]);
  }
});

test('the same series in the same order overwrite themselves: nothing stale is kept', async () => {
  for (let value = 1; value <= 5; value++) await storage.push('m', { 's="1"': value, 's="2"': value });
  assert.equal(await storage.blocksOf('m'), 1);
  assert.equal(await shown('m{s="2"}'), '5');
});

test('the same series in a shuffled order are shown once, with their later values', async () => {
  await storage.push('m', { 's="1"': 1, 's="2"': 1, 's="3"': 1 });
  await storage.push('m', { 's="3"': 2, 's="1"': 2, 's="2"': 2 });
  assert.deepEqual([...seriesOf(await storage.scrape()).values()], ['2', '2', '2']);
});

test('a series twice in one body, in two blocks that arrive in the wrong order, has the value that stands last', async () => {
  const base = await openSequences(storage.connection, storage.keys);
  const block = (value: number) => storage.family('m', [storage.block('m', [['s="1"', String(value)]])]);
  const other = storage.family('m', [
    storage.block('m', [
      ['s="1"', '2'],
      ['s="9"', '2'],
    ]),
  ]);
  const second = await storage.commit([other], { sequences: base.map((s) => s + SEQUENCES_PER_BLOCK) });
  const first = await storage.commit([block(1)], { sequences: base });
  assert.deepEqual(
    [...first, ...second].map(({ outcome }) => outcome.status),
    ['stored', 'stored'],
  );
  assert.equal(await shown('m{s="1"}'), '2');
});

test('the same block twice in one body: the later one stays, though the earlier one arrives after it', async () => {
  const base = await openSequences(storage.connection, storage.keys);
  const block = (value: number) => storage.family('m', [storage.block('m', [['s="1"', String(value)]])]);
  await storage.commit([block(2)], { sequences: base.map((s) => s + SEQUENCES_PER_BLOCK) });
  await storage.commit([block(1)], { sequences: base });
  assert.equal(await shown('m{s="1"}'), '2');
});

test('a push after a body wins over it, and a body after a push wins over that', async () => {
  await storage.push('m', { 's="1"': 1 });
  const base = await openSequences(storage.connection, storage.keys);
  await storage.commit(
    [
      storage.family('m', [
        storage.block('m', [
          ['s="1"', '2'],
          ['s="2"', '2'],
        ]),
      ]),
    ],
    {
      sequences: base.map((s) => s + 200 * SEQUENCES_PER_BLOCK),
    },
  );
  assert.equal(await shown('m{s="1"}'), '2');
  await storage.push('m', { 's="1"': 3 });
  assert.equal(await shown('m{s="1"}'), '3');
});

test('a clock of Redis that steps back does not bring older values back', async () => {
  await storage.push('m', { 's="1"': 1, 's="2"': 1 });
  await storage.setClock(-20_000);
  await storage.push('m', { 's="1"': 2 });
  assert.equal(await shown('m{s="1"}'), '2');
  const base = await openSequences(storage.connection, storage.keys);
  await storage.commit(
    [
      storage.family('m', [
        storage.block('m', [
          ['s="1"', '3'],
          ['s="3"', '3'],
        ]),
      ]),
    ],
    { sequences: base },
  );
  assert.equal(await shown('m{s="1"}'), '3');
  await compactFamily(storage.connection, storage.keys, 'm');
  assert.equal(await shown('m{s="1"}'), '3');
});

test('sequences that a lost master has given out are not given out again, though the next one has an earlier clock', async () => {
  const bucket = bucketOf('m');
  const base = await openSequences(storage.connection, storage.keys);
  await storage.connection.command('DEL', storage.keys.clock(bucket));
  await storage.setClock(-5000);
  const above = base.map((first) => first + SEQUENCES_PER_RESERVATION);
  const later = await openSequences(storage.connection, storage.keys, above);
  assert.equal(later.filter((first, i) => first < above[i]).length, 0);
  const block = (value: string) => [storage.family('m', [storage.block('m', [['s="1"', value]])])];
  await storage.commit(block('2'), { sequences: later });
  await storage.commit(block('1'), { sequences: base });
  assert.equal(await shown('m{s="1"}'), '2');
  await storage.push('m', { 's="1"': 3, 's="2"': 3 });
  assert.equal(await shown('m{s="1"}'), '3');
});

test('the clock of a bucket outlives what it has ordered: a server whose clock is behind may still show it', async () => {
  const bucket = bucketOf('m');
  const longer = async (): Promise<number> => {
    const left = (key: string) => storage.connection.command('PTTL', key).then(Number);
    return (await left(storage.keys.clock(bucket))) - (await left(storage.keys.family(bucket, 'm')));
  };
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 5000 });
  assert.ok((await longer()) > 50_000);
  await storage.pushGroup([['job', 'a']], { m: { 'job="a"': 1 } }, { ttlMs: 90_000, type: 'untyped' });
  assert.ok((await longer()) > 50_000);
});

test('a clock of Redis that steps forward does not stop pushes', async () => {
  await storage.push('m', { 's="1"': 1 });
  await storage.setClock(60_000);
  await storage.push('m', { 's="1"': 2 });
  assert.equal(await shown('m{s="1"}'), '2');
});

test('a write that was reported as timed out does nothing when it arrives later', async () => {
  await using hasty = await TestStorage.connect(redis, { timeoutMs: 300 });
  await storage.push('m', { 's="1"': 1 });
  redis.pause();
  const [late] = await hasty.commit([hasty.family('m', [hasty.block('m', [['s="1"', '2']])])]);
  assert.equal(late.outcome.status, 'failed');
  // The command lies in the server's socket. Longer than the timeout.
  await sleep(100);
  redis.resume();
  await storage.push('other', { 's="1"': 1 });
  await sleep(100);
  assert.equal(await shown('m{s="1"}'), '1');
});

test('a write that timed out and arrives just in time never overrides what was acknowledged after it', async () => {
  await using hasty = await TestStorage.connect(redis, { timeoutMs: 300 });
  const family = (value: string) => [hasty.family('m', [hasty.block('m', [['s="1"', value]])])];
  redis.pause();
  const [late] = await hasty.commit(family('1'));
  assert.equal(late.outcome.status, 'failed');
  redis.resume();
  await hasty.connection.whenUp(10_000);
  const stored = async () => (await hasty.commit(family('2')))[0].outcome.status === 'stored';
  // A Cluster counts as up as soon as one of its masters is; and a busy machine may take longer than the timeout.
  await until(stored, 10_000, 'a push is acknowledged');
  await sleep(100);
  assert.equal(await shown('m{s="1"}'), '2');
});

test('a push that timed out at one gateway never overrides what another has acknowledged since', async () => {
  await using hasty = await TestStorage.connect(redis, { timeoutMs: 300 });
  const many = Array.from({ length: 2000 }, (_, i): [string, string] => [
    `s="${i}",p="${'p'.repeat(100)}"`,
    'late',
  ]);
  const blocks = Array.from({ length: 20 }, (_, i) => hasty.block('m', many.slice(i * 100, (i + 1) * 100)));
  redis.pause();
  const pieces = await hasty.commit([hasty.family('m', blocks)]);
  assert.ok(pieces.every(({ outcome }) => outcome.status === 'failed'));
  const acknowledged = storage.commit([
    storage.family('m', [
      storage.block(
        'm',
        many.map(([labels]) => [labels, '2']),
      ),
    ]),
  ]);
  redis.resume();
  assert.equal((await acknowledged)[0].outcome.status, 'stored');
  await sleep(200);
  assert.deepEqual([...new Set(seriesOf(await storage.scrape()).values())], ['2']);
});
