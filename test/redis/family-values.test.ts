import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueKind } from '../../src/redis/family-values.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { scrape } from '../../src/redis/scrape.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

const { redis, storage } = await useStorage();

/** How often families were read with and without their fields by a scrape, and what it showed. */
async function watchedScrape() {
  await redis.cli('CONFIG', 'RESETSTAT');
  const shown = seriesOf(await storage.scrape());
  const stats = await redis.cli('INFO', 'commandstats');
  const calls = (command: string): number =>
    [...stats.matchAll(new RegExp(`cmdstat_${command}:calls=(\\d+)`, 'g'))].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  return { shown, withFields: calls('hgetall'), without: calls('hvals') };
}

function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

test('what a value is, its first number tells', () => {
  const kind = (value: Buffer) => valueKind(Buffer.concat([Buffer.from('??'), value]), 2, 2 + value.length);
  for (const sequence of [1, 2, 1.7e15, 2 ** 53]) assert.equal(kind(float64(sequence)), 'block');
  for (const deadline of [-0, -1, -1.7e12, -253_402_300_799_999])
    assert.equal(kind(float64(deadline)), 'head');
  for (const text of ['1733000000000 job\n', '253402300799999 ', '0', '', '1733000000000 0b0c token type'])
    assert.equal(kind(Buffer.from(text)), 'other');
});

// Then no block of a group stands alone, or none is what its field holds.
const skip = process.env['TEST_VALUES'] !== undefined;
const isShelved = process.env['TEST_VALUES'] === 'shelved';

test('families are read without their fields, whoever pushes to them, as long as each group has one block', {
  skip,
}, async () => {
  await storage.push('ingested', { 's="1"': 1 });
  await storage.pushGroup([['job', 'a']], { grouped: { 'job="a"': 1 }, both: { 'job="a"': 1 } });
  await storage.push('both', { 's="1"': 1 });
  const { shown, withFields, without } = await watchedScrape();
  assert.equal(shown.size, 4);
  assert.deepEqual([withFields, without], [0, 3]);
});

test('one in which a group has several is read once more, and from then on with its fields, until that ends', {
  skip,
}, async () => {
  const push = (blockSize: number) =>
    storage.pushGroup([['job', 'a']], { m: { 'job="a",s="1"': 1, 'job="a",s="2"': 2 } }, { blockSize });
  await storage.push('other', { 's="1"': 1 });
  await push(1);
  const first = await watchedScrape();
  assert.equal(first.shown.size, 3);
  assert.deepEqual([first.withFields, first.without], [1, 2]);
  const second = await watchedScrape();
  assert.deepEqual(second.shown, first.shown);
  assert.deepEqual([second.withFields, second.without], [1, 1]);
  await push(2);
  assert.deepEqual(await watchedScrape(), { shown: first.shown, withFields: 1, without: 1 });
  assert.deepEqual(await watchedScrape(), { shown: first.shown, withFields: 0, without: 2 });
});

test('a damaged block is told, whatever its bytes look like, and the others are shown', {
  skip: isShelved,
}, async () => {
  const hash = storage.keys.family(bucketOf('m'), 'm');
  for (const damage of [
    '',
    '1733000000000',
    'not a block',
    float64(-5),
    float64(5),
    Buffer.alloc(60, 0xff),
  ]) {
    await redis.flush();
    await storage.push('m', { 's="1"': 1 });
    const fields = (await storage.connection.command('HKEYS', hash)) as Buffer[];
    const field = fields.find(({ length }) => length > 1) as Buffer;
    await storage.push('m', { 's="2"': 2 });
    await storage.connection.command('HSET', hash, field, damage);
    const chunks: Buffer[] = [];
    const exposition = scrape(storage.connection, storage.keys);
    let next = await exposition.next();
    for (; next.done !== true; next = await exposition.next()) chunks.push(next.value);
    assert.equal(next.value.damagedBlocks, 1, `${damage}`);
    assert.deepEqual([...seriesOf(String(Buffer.concat(chunks)))], [['m{s="2"}', '2']]);
  }
});
