import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { deleteGroup } from '../../src/redis/group-store.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { openSequences } from '../../src/redis/sequences.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// Only a large family has an order of its blocks; that it gets one is not to be seen from outside.

const { storage } = await useStorage();
const ORDER = storage.keys.order(bucketOf('m'), 'm');

async function ordered(): Promise<number> {
  return Number(await storage.connection.command('ZCARD', ORDER));
}

/** Blocks of one series each. */
function blocks(count: number, value: string, from = 0) {
  return Array.from({ length: count }, (_, i) => storage.block('m', [[`s="${from + i}"`, value]]));
}

const LARGE = {
  'more than 2,500 blocks': { blocks: 2600, value: '1' },
  'more than 1.75 MiB': { blocks: 800, value: '1'.padStart(3000, '0') },
};

for (const [what, { blocks: count, value }] of Object.entries(LARGE)) {
  test(`a family of ${what} has an order of all its blocks`, async () => {
    await storage.commit([storage.family('m', blocks(count / 2, value))]);
    assert.equal(await ordered(), 0);
    await storage.commit([storage.family('m', blocks(count / 2, value, count / 2))]);
    await storage.commit([storage.family('m', blocks(10, '2'))]);
    assert.equal(await ordered(), count);
    assert.equal(await storage.blocksOf('m'), count);
    const pttl = Number(await storage.connection.command('PTTL', ORDER));
    assert.ok(pttl > 0);
    const shown = [...seriesOf(await storage.scrape()).values()];
    assert.equal(shown.length, count);
    assert.equal(shown.filter((shownValue) => shownValue === '2').length, 10);
  });
}

test('a block of more than 4 KiB gives an order to those that were there, of groups too', async () => {
  await storage.push('m', { 's="1"': 1 });
  await storage.pushGroup([['job', 'a']], { m: { 'job="a"': 1 } });
  assert.equal(await ordered(), 0);
  await storage.push('m', { 's="2"': '7'.padStart(5000, '0') });
  assert.equal(await ordered(), 3);
  await storage.pushGroup([['job', 'a']], { m: { 'job="a",s="1"': 2 } });
  await storage.push('m', { 's="2"': 3, 's="1"': 3 });
  await compactFamily(storage.connection, storage.keys, 'm');
  assert.equal(await ordered(), await storage.blocksOf('m'));
  assert.deepEqual([...seriesOf(await storage.scrape())].sort(), [
    ['m{job="a",s="1"}', '2'],
    ['m{s="1"}', '3'],
    ['m{s="2"}', '3'],
  ]);
});

test('the block of a group leaves the order when the group goes', async () => {
  await storage.pushGroup([['job', 'long']], { m: { 'job="long"': '7'.padStart(5000, '0') } });
  await storage.pushGroup([['job', 'a']], { m: { 'job="a"': 1 } });
  assert.equal(await ordered(), 2);
  await deleteGroup(storage.connection, storage.keys, [['job', 'a']], { timeoutMs: 5000 });
  assert.deepEqual([await ordered(), await storage.blocksOf('m')], [1, 1]);
});

test('parts of a body that come in the wrong order keep their order, with or without an order of the family', async () => {
  for (const value of ['', '0'.repeat(5000)]) {
    const sequences = await openSequences(storage.connection, storage.keys);
    const later = sequences.map((sequence) => sequence + 10);
    const write = (end: string) =>
      storage.family('m', [
        storage.block('m', [['s="1"', value + end]]),
        storage.block('m', [['s="2"', end]]),
      ]);
    await storage.commit([write('2')], { sequences: later });
    await storage.commit([write('1')], { sequences });
    const shown = seriesOf(await storage.scrape());
    assert.deepEqual([shown.get('m{s="1"}'), shown.get('m{s="2"}')], [`${value}2`, '2']);
  }
});

test('a family that has ended begins anew, though Redis still holds what it was', async () => {
  const block = () => storage.block('m', [['s="1"', '1']]);
  await storage.commit([storage.family('m', [block()], { help: 'old', type: 'counter' })], { ttlMs: 400 });
  await sleep(450);
  assert.equal(await storage.blocksOf('m'), 1);
  await storage.commit([storage.family('m', [storage.block('m', [['s="2"', '2']])])]);
  assert.equal(await storage.scrape(), '# TYPE m gauge\nm{s="2"} 2\n');
  assert.equal(await storage.blocksOf('m'), 1);
});

test('so does one that a group pushes to', async () => {
  const push = (series: string, ttlMs: number) =>
    storage.pushGroup([['job', 'a']], { m: { [`job="a",s="${series}"`]: 1 } }, { ttlMs });
  await push('1', 400);
  await sleep(450);
  assert.equal((await push('2', 60_000)).status, 'stored');
  assert.equal(await storage.blocksOf('m'), 1);
  assert.equal(await storage.scrape(), '# TYPE m gauge\nm{job="a",s="2"} 1\n');
});
