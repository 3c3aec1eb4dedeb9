import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { DistinctFamilies } from '../../src/redis/distinct-families.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { READ_LIMITS, type ReadLimits, type ReadOptions } from '../../src/redis/read-limits.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// A series that lives from before a scrape until after it is in it exactly once, whatever happens meanwhile.

const { redis, storage } = await useStorage();

const compact = () => compactFamily(storage.connection, storage.keys, 'm');

/** Reads every family block by block, and does something once, at the n-th pause between two steps. */
function interrupted(at: number, action: () => Promise<unknown>): ReadOptions {
  let pauses = 0;
  return {
    limits: { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 },
    pause: async () => {
      if (pauses++ === at) await action();
    },
  };
}

/**
 * A scrape during which something is done at the n-th pause. The one before it may find out that no entry stands in two
 * blocks; then this one takes that for granted until it sees that something has changed.
 */
async function scrapeWith(
  at: number,
  action: () => Promise<unknown>,
  knows: boolean,
): Promise<Map<string, string>> {
  const distinct = new DistinctFamilies();
  if (knows) await storage.scrape({ ...interrupted(-1, async () => {}), distinct });
  return seriesOf(await storage.scrape({ ...interrupted(at, action), distinct }));
}

async function fillSixBlocks(): Promise<void> {
  for (let block = 0; block < 6; block++) {
    await storage.push('m', { [`s="${block}a"`]: 1, [`s="${block}b"`]: 1, [`s="${block}c"`]: 1 });
  }
}

const ALL = 18;
const STEPS = [0, 1, 2, 3, 4, 5, 6].flatMap((step) => [
  { step, knows: false, which: String(step) },
  { step, knows: true, which: `${step}, which the scrape before has prepared,` },
]);

for (const { step, knows, which } of STEPS) {
  test(`series that move to a new block at step ${which} of a scrape are in it once`, async () => {
    await fillSixBlocks();
    const move = async () => {
      await storage.push('m', { 's="0a"': 2, 's="0b"': 2, 's="5c"': 2 });
      await storage.push('m', { 's="0c"': 2, 's="1a"': 2, 's="1b"': 2 });
      await compact();
    };
    assert.equal((await scrapeWith(step, move, knows)).size, ALL);
  });

  test(`series that move at step ${which} and back to the block they came from, are in it once`, async () => {
    await fillSixBlocks();
    await storage.push('m', { 's="0a"': 2, 's="0b"': 2 });
    const move = async () => {
      await compact();
      await storage.push('m', { 's="0a"': 3, 's="0b"': 3, 's="0c"': 3 });
      await compact();
    };
    assert.equal((await scrapeWith(step, move, knows)).size, ALL);
  });

  test(`compaction at step ${which} of a scrape takes nothing from it`, async () => {
    await fillSixBlocks();
    await storage.push('m', { 's="0a"': 2, 's="0b"': 2, 's="1c"': 2 });
    await storage.push('m', { 's="2a"': 2, 's="2b"': 2, 's="2c"': 2, 's="3a"': 2 });
    assert.equal((await scrapeWith(step, compact, knows)).size, ALL);
  });
}

for (const inPages of [false, true]) {
  test(`what a scrape ${inPages ? 'in pages ' : ''}knows of a family holds only as long as its entries stay`, async () => {
    const options = inPages ? { limits: { ...READ_LIMITS, onceBytes: 0, pageBlocks: 2 } } : {};
    const shown = async () => seriesOf(await storage.scrape(options));
    await fillSixBlocks();
    for (const value of [2, 3]) {
      // The same blocks with other values: the second time they are known.
      await storage.push('m', { 's="0a"': value, 's="0b"': value, 's="0c"': value });
      const now = await shown();
      assert.equal(now.size, ALL);
      assert.equal(now.get('m{s="0a"}'), String(value));
    }
    // Others that hold some of the same series, once newer and once older than those that are known.
    await storage.push('m', { 's="0a"': 4, 's="new"': 4 });
    assert.equal((await shown()).get('m{s="0a"}'), '4');
    await storage.push('m', { 's="0a"': 5, 's="0b"': 5, 's="0c"': 5 });
    const now = await shown();
    assert.equal(now.size, ALL + 1);
    assert.equal(now.get('m{s="0a"}'), '5');
  });

  test(`a series that compaction took out of a block, and a push brings back, is in a scrape ${inPages ? 'in pages ' : ''}once`, async () => {
    const options = inPages ? { limits: { ...READ_LIMITS, onceBytes: 0, pageBlocks: 2 } } : {};
    const all = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`s="${i}"`, 1]));
    const { ['s="9"']: last, ...most } = all;
    await storage.push('m', all);
    await storage.push('m', most);
    const { rewritten } = await compact();
    assert.equal(rewritten, 1);
    assert.equal(seriesOf(await storage.scrape(options)).size, 10);
    await storage.push('m', { ...all, 's="0"': 2, 's="9"': last });
    const shown = seriesOf(await storage.scrape(options));
    assert.equal(shown.size, 10);
    assert.equal(shown.get('m{s="0"}'), '2');
  });
}

test('a compaction that is overtaken by another one, and by pushes, does no harm', async () => {
  for (const step of ['listed', 'read', 'change'] as const) {
    await redis.flush();
    await fillSixBlocks();
    await storage.push('m', { 's="0a"': 2, 's="1a"': 2, 's="1b"': 2, 's="2a"': 2 });
    await compactFamily(storage.connection, storage.keys, 'm', {
      pause: async (at) => {
        if (at !== step) return;
        await storage.push('m', { 's="1a"': 3, 's="1b"': 3, 's="1c"': 3 });
        await compact();
        await storage.push('m', { 's="0a"': 4 });
      },
    });
    const shown = seriesOf(await storage.scrape());
    assert.equal(shown.size, ALL);
    assert.equal(shown.get('m{s="0a"}'), '4');
    assert.equal(shown.get('m{s="1b"}'), '3');
    assert.equal(shown.get('m{s="2a"}'), '2');
  }
});

test('a block that Redis has lost is skipped and counted, and the rest is shown', async () => {
  await fillSixBlocks();
  await storage.push('m', { 's="long"': '1'.padStart(5000, '0') });
  const [hash] = (await redis.cli('KEYS', '*:f:m')).split('\n');
  const [order] = (await redis.cli('KEYS', '*:s:m')).split('\n');
  const field = await storage.connection.command('ZRANGE', order, 2, 2);
  await storage.connection.command('HDEL', hash, (field as Buffer[])[0]);
  const damaged = (await storage.connection.command('ZRANGE', order, 3, 3)) as Buffer[];
  await storage.connection.command('HSET', hash, damaged[0], 'not a block');
  for (const options of [{}, interrupted(-1, async () => {})]) {
    const shown = seriesOf(await storage.scrape(options));
    assert.equal(shown.size, ALL + 1 - 6);
  }
});

// There a block is not what its field holds.
const isShelved = process.env['TEST_VALUES'] === 'shelved';

test('what is no block is skipped, however many entries it claims to have', { skip: isShelved }, async () => {
  await fillSixBlocks();
  const [hash] = (await redis.cli('KEYS', '*:f:m')).split('\n');
  const fields = (await storage.connection.command('HKEYS', hash)) as Buffer[];
  const field = fields.find(({ length }) => length > 1) as Buffer;
  const value = Buffer.from((await storage.connection.command('HGET', hash, field)) as Buffer);
  for (const entries of [200_000_000, 0xffffffff]) {
    value.writeUInt32LE(entries, 20);
    await storage.connection.command('HSET', hash, field, value);
    assert.equal(seriesOf(await storage.scrape()).size, ALL - 3);
  }
});

test('a scrape fails, and does not end, when Redis goes away in the middle', async () => {
  await fillSixBlocks();
  await assert.rejects(
    storage.scrape(interrupted(3, () => redis.kill())),
    (error: Error & { reason?: string }) => /^(connection|clusterdown)$/.test(error.reason ?? ''),
  );
  await redis.restart();
  await storage.connection.whenUp();
});

test('a large family whose groups are replaced by others at each step is read to its end', async () => {
  const labels = (group: number, round: number) => `g="${group}",round="${round}"`;
  const push = (group: number, round: number) =>
    storage.pushGroup([['g', String(group)]], {
      m: { [labels(group, round)]: round, [`g="${group}",always="1"`]: round },
    });
  const groups = 300;
  for (let group = 0; group < groups; group++) await push(group, 0);
  let round = 1;
  const shown = seriesOf(
    await storage.scrape({
      limits: { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 },
      // The oldest are read last.
      pause: async () => void (round < groups / 2 && (await push(round++, 1))),
    }),
  );
  assert.ok(round > 120, `only ${round} groups were replaced`);
  for (let group = 0; group < groups; group++) assert.ok(shown.has(`m{g="${group}",always="1"}`));
});

// On a Cluster, where the next bucket is a batch by itself, it is read while the large one is.
const skip = storage.connection.isCluster;

test('a family that may have grown since it was looked at is looked at again, and then read in pages', {
  skip,
}, async () => {
  const later = ['a', 'b', 'c', 'd', 'e', 'f'].find((name) => bucketOf(name) > bucketOf('m')) as string;
  const labels = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`s="${from + i}"`, 1]));
  const pagesOf = async (limits: Partial<ReadLimits>): Promise<number> => {
    await redis.flush();
    await fillSixBlocks();
    for (let block = 0; block < 40; block++) await storage.push('m', labels(100 * block, 9));
    await storage.push(later, labels(0, 3));
    let [pauses, grown] = [0, 0];
    const pause = async () => {
      if (++pauses > 1) return;
      await sleep(60);
      for (; grown < 60; grown++) await storage.push(later, labels(10 + 9 * grown, 9));
    };
    const options = { limits: { ...READ_LIMITS, onceBytes: 2000, ...limits }, pause };
    const shown = [...seriesOf(await storage.scrape(options)).keys()];
    assert.equal(shown.filter((series) => series.startsWith(`${later}{`)).length, 3 + 9 * grown);
    return pauses;
  };
  const atOnce = await pagesOf({});
  const again = await pagesOf({ onceMs: 50 });
  assert.ok(again > atOnce, `${again} pauses, not more than ${atOnce}`);
});
