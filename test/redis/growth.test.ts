import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// Redis holds at most about twice what lives, whether anybody scrapes or not.

const { redis, storage } = await useStorage();

const PADDING = 'p'.repeat(100);

/** A push of series in blocks of up to ten. Compacts the family if the commit says that it wants that. */
async function pushAndCompact(numbers: readonly number[], value: number, ttlMs = 60_000): Promise<boolean> {
  const blocks = [];
  for (let i = 0; i < numbers.length; i += 10) {
    blocks.push(
      storage.block(
        'm',
        numbers.slice(i, i + 10).map((n): [string, string] => [`p="${PADDING}",s="${n}"`, String(value)]),
      ),
    );
  }
  const [{ outcome }] = await storage.commit([storage.family('m', blocks)], { ttlMs });
  assert.ok(outcome.status === 'stored');
  if (outcome.wantsCompaction) await compactFamily(storage.connection, storage.keys, 'm');
  return outcome.wantsCompaction;
}

async function storedBytes(): Promise<number> {
  const [hash] = (await redis.cli('KEYS', '*:f:m')).split('\n');
  return Number(await redis.cli('MEMORY', 'USAGE', hash, 'SAMPLES', '0'));
}

function shuffled(count: number, seed: number): number[] {
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    const j = seed % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
  }
  return numbers;
}

test('random halves of a set, pushed again and again, do not pile up', async () => {
  await pushAndCompact(shuffled(1000, 1), 0);
  const live = await storedBytes();
  let most = 0;
  for (let push = 1; push <= 40; push++) {
    await pushAndCompact(shuffled(1000, push).slice(0, 500), push);
    most = Math.max(most, await storedBytes());
  }
  assert.ok(most < 2.5 * live, `${most} bytes at most, ${live} live`);
  assert.equal(seriesOf(await storage.scrape()).size, 1000);
});

test('the amount that a family is said to hold is what it holds', async () => {
  for (let push = 1; push <= 12; push++) await pushAndCompact(shuffled(200, push).slice(0, 150), push);
  const [hash] = (await redis.cli('KEYS', '*:f:m')).split('\n');
  const fields = (await storage.connection.command('HGETALL', hash)) as Buffer[];
  let bytes = 0;
  for (let i = 0; i < fields.length; i += 2) if (fields[i].length > 1) bytes += fields[i + 1].length;
  assert.equal(Number(await redis.cli('HGET', hash, 'n')), bytes);
});

test('the same series in the same order never need compaction, however often they are pushed', async () => {
  const numbers = shuffled(1000, 1);
  for (let push = 1; push <= 10; push++) assert.equal(await pushAndCompact(numbers, push), false);
});

test('compaction removes what has ended in a family that lives on', async () => {
  await pushAndCompact(shuffled(500, 1), 1, 100);
  await storage.push('m', { 's="kept"': 1 }, { ttlMs: 60_000 });
  await sleep(150);
  await compactFamily(storage.connection, storage.keys, 'm');
  assert.ok((await storedBytes()) < 2000);
  assert.equal(seriesOf(await storage.scrape()).size, 1);
});

test('what is stopped midway is taken up by the next compaction', async () => {
  await pushAndCompact(shuffled(300, 1), 1);
  const [first] = await storage.commit([storage.family('m', [storage.block('m', [['s="x"', '1']])])]);
  assert.equal(first.outcome.status, 'stored');
  await assert.rejects(
    compactFamily(storage.connection, storage.keys, 'm', {
      pause: async (step) => {
        if (step === 'headers') throw new Error('the gateway died');
      },
    }),
  );
  await pushAndCompact(shuffled(300, 2), 2);
  await compactFamily(storage.connection, storage.keys, 'm');
  const shown = seriesOf(await storage.scrape());
  assert.equal(shown.size, 301);
  assert.equal([...shown.values()].filter((value) => value === '2').length, 300);
});
