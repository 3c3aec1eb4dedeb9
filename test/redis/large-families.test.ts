import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlockMerge, type Piece } from '../../src/redis/block-merge.ts';
import type { RedisConnection } from '../../src/redis/client.ts';
import type { Call } from '../../src/redis/commands.ts';
import { compactFamily } from '../../src/redis/compaction.ts';
import type { BucketNames } from '../../src/redis/family-index.ts';
import { readFamilies } from '../../src/redis/family-reader.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { READ_LIMITS } from '../../src/redis/read-limits.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// Of large families the next one is asked for while the last page of one comes. What happens to it from then on, until its
// turn comes, must not matter.

const { storage } = await useStorage();

const NAMES = Array.from({ length: 4 }, (_, i) => `m${i}`).sort((a, b) => bucketOf(a) - bucketOf(b));
const GROUP = [['g', '1']] as const;
const BLOCKS = 5;
/** For what is under way to come. */
const settle = () => sleep(50);

beforeEach(async () => {
  for (const name of NAMES) {
    for (let block = 0; block < BLOCKS; block++)
      await storage.push(name, { [`s="${block}a"`]: 1, [`s="${block}b"`]: 1 });
    await storage.pushGroup(GROUP, Object.fromEntries(NAMES.map((name) => [name, { 'g="1",s="x"': 1 }])));
  }
});

async function* named(): AsyncGenerator<BucketNames, void> {
  for (const name of NAMES) yield { bucket: bucketOf(name), names: [name] };
}

/** Reads all families in pages of one block, and does something when one has been read and the next one is asked for. */
async function read(change: (next: string) => Promise<unknown>, most = NAMES.length) {
  const listed: string[] = [];
  const connection = new Proxy(storage.connection, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'run') return value.bind(target);
      return (call: Call) => {
        if (call.script === 'listBlocks')
          listed.push(String((call.keys as string[])[0]).replace(/.*:f:/, ''));
        return target.run(call);
      };
    },
  }) as RedisConnection;
  const limits = { ...READ_LIMITS, onceBytes: 0, pageBlocks: 1 };
  const stats = { series: 0, damagedBlocks: 0 };
  const texts: string[] = [];
  let done = 0;
  for await (const readings of readFamilies(connection, storage.keys, named(), stats, new BlockMerge(), {
    limits,
  })) {
    for (const reading of readings) {
      const pages = reading.texts() as AsyncGenerator<readonly Piece[], void>;
      for await (const pieces of pages) for (const { text } of pieces) texts.push(String(text));
      if (++done === most) return { shown: seriesOf(texts.join('')), listed, stats };
      await settle();
      await change(NAMES[done]);
    }
  }
  return { shown: seriesOf(texts.join('')), listed, stats };
}

const SERIES_EACH = BLOCKS * 2 + 1;

test('the next one is listed while one is read, and no other', async () => {
  const { shown, listed } = await read(async () => {});
  assert.equal(shown.size, NAMES.length * SERIES_EACH);
  assert.deepEqual(listed, NAMES);
  const first = await read(async () => {}, 1);
  await settle();
  assert.deepEqual(first.listed, NAMES.slice(0, 2));
});

test('what moves to another block meanwhile is shown once, as it is then or was', async () => {
  const { shown } = await read(async (next) => {
    await storage.push(next, { 's="0a"': 2, 's="4b"': 2 });
    await storage.push(next, { 's="0b"': 2, 's="2a"': 2 });
    await compactFamily(storage.connection, storage.keys, next);
  });
  assert.equal(shown.size, NAMES.length * SERIES_EACH);
  for (const name of NAMES.slice(1)) {
    assert.match(shown.get(`${name}{s="0b"}`) ?? '', /^[12]$/);
    assert.equal(shown.get(`${name}{s="1a"}`), '1');
  }
});

test('a group that has been replaced or has gone meanwhile is shown as it is or was, and all others are', async () => {
  for (const families of [{ 'g="1",s="y"': 2 }, {}] as const) {
    const { shown } = await read(async (next) => {
      const pushed = Object.keys(families).length === 0 ? {} : { [next]: families };
      await storage.pushGroup(GROUP, pushed);
    });
    for (const name of NAMES) {
      for (let block = 0; block < BLOCKS; block++) assert.equal(shown.get(`${name}{s="${block}a"}`), '1');
    }
  }
});

test('one that is removed meanwhile, and made anew or not, is shown as it is', async () => {
  for (const isMadeAnew of [true, false]) {
    const { shown } = await read(async (next) => {
      const bucket = bucketOf(next);
      const families = [storage.keys.family(bucket, next), storage.keys.order(bucket, next)];
      await storage.connection.run({
        script: 'wipeFamilies',
        keys: [storage.keys.index(bucket), ...families],
        args: [next],
      });
      if (isMadeAnew) await storage.push(next, { 's="new"': 3 });
    });
    for (const name of NAMES.slice(1)) {
      assert.equal(shown.get(`${name}{s="new"}`), isMadeAnew ? '3' : undefined);
    }
    for (const name of NAMES) await storage.push(name, { 's="0a"': 1 });
  }
});

test('one that has been asked for, and is not read, is let go of', async () => {
  for (let i = 0; i < 20; i++) {
    const { shown } = await read(async () => {}, 1);
    assert.equal(shown.size, SERIES_EACH);
  }
});
