import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactFamily } from '../../src/redis/compaction.ts';
import { allFamilyNames } from '../../src/redis/family-index.ts';
import { META, readMeta } from '../../src/redis/family-meta.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// Redis holds at most about twice what lives, whether anybody scrapes or not. See also system/growth.test.ts.

const { redis, storage } = await useStorage();

const isShelved = process.env['TEST_VALUES'] === 'shelved';
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
  const shelves = await storage.shelvesOf('m');
  const inHash = Number(await redis.cli('MEMORY', 'USAGE', hash, 'SAMPLES', '0'));
  return shelves.reduce((sum, { length }) => sum + length, inHash);
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
  const fields = await storage.fieldsOf('m');
  let bytes = 0;
  let said = 0;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i].length > 1) bytes += fields[i + 1].length;
    if (String(fields[i]) === META) said = readMeta(fields[i + 1]).bytes;
  }
  assert.equal(said, bytes);
});

test('so is that of a family of one block, which overwrites itself: what is longer or shorter, or becomes too long', async () => {
  const lengths = [1, 1, 40, 2, 3000, 3000, 5, 4200, 1, 100];
  for (const [push, length] of lengths.entries()) {
    const block = storage.block('m', [['s="1"', '1'.padEnd(length, '0')]]);
    await storage.commit([storage.family('m', [block], { help: 'Always the same' })]);
    const fields = await storage.fieldsOf('m');
    const values = fields.filter((_, i) => i % 2 === 1 && fields[i - 1].length > 1);
    const meta = readMeta(fields[fields.findIndex((field) => String(field) === META) + 1]);
    assert.equal(values.length, 1);
    assert.equal(meta.bytes, values[0].length);
    assert.deepEqual([meta.type, meta.help], ['gauge', 'Always the same']);
    const { held, told } = await sizes();
    assert.ok(held <= told, `${held} bytes, told ${told}`);
    assert.equal([...seriesOf(await storage.scrape()).values()][0].length, length, `push ${push}`);
  }
});

test('so is that of a family of groups, whose blocks overwrite themselves', async () => {
  const lengths = [1, 1, 40, 300, 2, 1500, 1500, 3000, 5, 4200, 1, 100];
  for (const [push, length] of lengths.entries()) {
    const value = '1'.padEnd(length, '0');
    for (const job of ['a', 'b']) {
      const outcome = await storage.pushGroup([['job', job]], { m: { [`job="${job}"`]: value } });
      assert.equal(outcome.status, 'stored');
    }
    const { noted, ...counts } = await storage.countsOf('m');
    assert.equal(counts.blocks, 2);
    assert.deepEqual(noted, counts);
    const { held, told } = await sizes();
    assert.ok(held <= told, `${held} bytes, told ${told}`);
    assert.deepEqual([...seriesOf(await storage.scrape()).values()], [value, value], `push ${push}`);
  }
});

test('the same series in the same order need compaction at first and never again, however often they are pushed', async () => {
  const numbers = shuffled(1000, 1);
  await pushAndCompact(numbers, 0);
  for (let push = 1; push <= 10; push++) assert.equal(await pushAndCompact(numbers, push), false);
});

test('compaction removes what has ended in a family that lives on', async () => {
  await pushAndCompact(shuffled(500, 1), 1, 100);
  await storage.push('m', { 's="kept"': 1 }, { ttlMs: 60_000 });
  await sleep(150);
  await compactFamily(storage.connection, storage.keys, 'm');
  // A shelf has 32 KiB, and in reality no family that is so small has one.
  assert.ok((await storedBytes()) < (isShelved ? 36_000 : 2000));
  assert.equal(seriesOf(await storage.scrape()).size, 1);
});

test('what is stopped midway is taken up by the next compaction', async () => {
  await pushAndCompact(shuffled(300, 1), 1);
  const [first] = await storage.commit([storage.family('m', [storage.block('m', [['s="x"', '1']])])]);
  assert.equal(first.outcome.status, 'stored');
  await assert.rejects(
    compactFamily(storage.connection, storage.keys, 'm', {
      pause: async (step) => {
        if (step === 'read') throw new Error('the gateway died');
      },
    }),
  );
  await pushAndCompact(shuffled(300, 2), 2);
  await compactFamily(storage.connection, storage.keys, 'm');
  const shown = seriesOf(await storage.scrape());
  assert.equal(shown.size, 301);
  assert.equal([...shown.values()].filter((value) => value === '2').length, 300);
});

test('a body that repeats its series in other orders does not pile up either', async () => {
  const bodies = Array.from({ length: 30 }, (_, i) => shuffled(300, i + 1));
  await pushAndCompact(bodies[0], 0);
  const live = await storedBytes();
  let most = 0;
  for (const numbers of bodies) {
    await pushAndCompact(numbers, 1);
    most = Math.max(most, await storedBytes());
  }
  assert.ok(most < 2.5 * live, `${most} bytes at most, ${live} live`);
});

test('a Redis that is out of memory can be compacted', async () => {
  await storage.commit(
    [
      storage.family('m', [
        storage.block('m', [
          ['s="1"', '1'],
          ['s="2"', '1'],
        ]),
      ]),
    ],
    { ttlMs: 0 },
  );
  for (let i = 0; i < 5; i++) await storage.push('m', { 's="1"': i, [`s="x${i}"`]: 1 }, { ttlMs: 100 });
  await storage.push('m', { 's="1"': 9, 's="2"': 9 }, { ttlMs: 0 });
  await sleep(150);
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  const { removed } = await compactFamily(storage.connection, storage.keys, 'm').finally(() =>
    redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
  );
  assert.equal(removed, 5);
  assert.equal(seriesOf(await storage.scrape()).size, 2);
});

test('a clock of Redis that was stepped back does not keep compaction waiting', async () => {
  await storage.push('m', { 's="1"': 1 });
  await compactFamily(storage.connection, storage.keys, 'm');
  await storage.setClock(-20_000);
  await storage.push('m', { 's="1"': 2, 's="2"': 2 });
  const { removed } = await compactFamily(storage.connection, storage.keys, 'm', { unlessWithinMs: 1000 });
  assert.equal(removed, 1);
});

test('metadata without samples does not keep what has ended', async () => {
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 1000 });
  await storage.commit([storage.family('m', [], { help: 'text' })], { ttlMs: 60_000 });
  await sleep(1300);
  assert.equal(await redis.cli('KEYS', '*:[fs]:m'), '');
});

test('no key is left without an end when a family is written again after its last block was removed', async () => {
  await storage.push('m', { 's="1"': 1 }, { ttlMs: 60_000 });
  await storage.push('m', { 's="1"': 2 }, { ttlMs: 100 });
  await sleep(150);
  await assert.rejects(
    compactFamily(storage.connection, storage.keys, 'm', {
      limits: { readBlocks: 10, readBytes: 1e6, changeBlocks: 10, changeBytes: 1e6, keptBytes: 1e6 },
      pause: async (step) => {
        if (step === 'end') throw new Error('the gateway died');
      },
    }),
  );
  await storage.push('m', { 's="2"': 1 }, { ttlMs: 1000 });
  for (const key of (await redis.cli('KEYS', '*')).split('\n')) {
    if (!key.startsWith('test-')) assert.notEqual(await redis.cli('PTTL', key), '-1', key);
  }
});

test('a compaction that yields leaves the family to one under way, until its gateway must have died', async () => {
  const { connection, keys } = storage;
  const yielding = () => compactFamily(connection, keys, 'm', { yieldMs: 5_000 });
  await storage.push('m', { 's="1"': 1 });
  await storage.push('m', { 's="1"': 2, 's="2"': 2 });
  const first = await compactFamily(connection, keys, 'm', {
    pause: async (step) => {
      if (step !== 'change') return;
      assert.deepEqual(await yielding(), { removed: 0, rewritten: 0, isBusy: true });
    },
  });
  assert.deepEqual(first, { removed: 1, rewritten: 0, isBusy: false });
  assert.equal((await yielding()).isBusy, false);

  await storage.push('m', { 's="2"': 3, 's="3"': 3, 's="1"': 3 });
  const died = compactFamily(connection, keys, 'm', {
    pause: () => Promise.reject(new Error('the gateway died')),
  });
  await assert.rejects(died);
  assert.equal((await yielding()).isBusy, true);
  await storage.setClock(6_000);
  assert.deepEqual(await yielding(), { removed: 1, rewritten: 0, isBusy: false });
});

test('a compaction that does not yield stops the one under way, which says so', async () => {
  await storage.push('m', { 's="1"': 1 });
  await storage.push('m', { 's="1"': 2, 's="2"': 2 });
  const stopped = await compactFamily(storage.connection, storage.keys, 'm', {
    pause: async (step) => {
      if (step === 'change') await compactFamily(storage.connection, storage.keys, 'm');
    },
  });
  assert.deepEqual(stopped, { removed: 0, rewritten: 0, isBusy: true });
});

test('a family that does not want compaction is left alone by who asks for it on account of that', async () => {
  const compact = (onlyIfWanted: boolean) =>
    compactFamily(storage.connection, storage.keys, 'm', { onlyIfWanted });
  await storage.push('m', { 's="1"': 1 });
  await storage.push('m', { 's="1"': 2, 's="2"': 2 });
  assert.deepEqual(await compact(true), { removed: 0, rewritten: 0, isBusy: false });
  assert.equal((await compact(false)).removed, 1);
  for (let i = 0; i < 100; i++)
    await storage.push('m', { 's="1"': i, [`p="${PADDING}",s="x${i % 5}${i}"`]: 1 });
  await storage.push(
    'm',
    Object.fromEntries([
      ['s="1"', 1],
      ...Array.from({ length: 100 }, (_, i) => [`p="${PADDING}",s="x${i % 5}${i}"`, 2]),
    ]),
  );
  assert.equal((await compact(true)).removed, 100);
});

test('a block that its group gives up between the look at it and its change does not come back', async () => {
  const group = [['job', 'a']] as const;
  const series = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`job="a",s="${i}"`, '1']));
  // So that the blocks of the group become shadows.
  await storage.push('m', { 's="other"': 1 });
  await storage.pushGroup(group, { m: series(10) });
  await storage.push('m', Object.fromEntries(Object.entries(series(8)).map(([labels]) => [labels, '2'])));
  await compactFamily(storage.connection, storage.keys, 'm', {
    pause: async (step) => {
      if (step === 'change') await storage.pushGroup(group, { other: { 'job="a",s="1"': 1 } });
    },
  });
  const shown = [...seriesOf(await storage.scrape()).keys()];
  assert.deepEqual(
    shown.filter((name) => /^m.*s="[89]"/.test(name)),
    [],
  );
});

for (const families of [1, 3]) {
  test(`a family that outgrows what lives by merges of a group is told, of ${families} that are pushed`, async () => {
    const group = [['job', 'a']] as const;
    const others = Object.fromEntries(
      Array.from({ length: families - 1 }, (_, i) => [`other_${i}`, { 'job="a",s="1"': 1 }]),
    );
    const told = new Set<string>();
    for (let push = 0; push < 60; push++) {
      const series = Object.fromEntries(
        shuffled(20, push)
          .slice(0, 10)
          .map((n) => [`job="a",p="${PADDING}",s="${n}"`, push]),
      );
      const outcome = await storage.pushGroup(group, { m: series, ...others }, { mode: 'merge' });
      assert.equal(outcome.status, 'stored');
      if (outcome.status === 'stored') for (const family of outcome.compact) told.add(family);
    }
    assert.deepEqual([...told], ['m']);
  });
}

/** What the index tells of the size of the family, and what it is. */
async function sizes(): Promise<{ told: number; held: number }> {
  const [hash] = (await redis.cli('KEYS', '*:f:m')).split('\n');
  const held = readMeta((await storage.connection.command('HGET', hash, META)) as Buffer).bytes;
  for await (const { names, told } of allFamilyNames(storage.connection, storage.keys)) {
    const i = names.indexOf('m');
    if (i >= 0) return { told: told?.mostBytes[i] ?? 0, held };
  }
  throw new Error('the index does not have it');
}

for (const how of ['ingested', 'as groups'] as const) {
  for (const ttlMs of [60_000, 0]) {
    test(`the index tells how large a family is at the most: ${how}, time to live ${ttlMs} ms`, async () => {
      const told = new Set<number>();
      for (let push = 0; push < 60; push++) {
        const numbers = Array.from({ length: push + 1 }, (_, i) => push * 100 + i);
        if (how === 'ingested') await pushAndCompact(numbers, push, ttlMs);
        else {
          const series = numbers.map((n): [string, number] => [`g="${push}",p="${PADDING}",s="${n}"`, push]);
          await storage.pushGroup([['g', String(push)]], { m: Object.fromEntries(series) }, { ttlMs });
        }
        const size = await sizes();
        assert.ok(size.held <= size.told, `${size.held} bytes, told ${size.told}`);
        assert.ok(size.told < 2 * Math.max(129, size.held), `only ${size.held} bytes, told ${size.told}`);
        told.add(size.told);
      }
      assert.ok(told.size > 8, `told ${[...told]}`);
    });
  }
}

test('what ends sooner after compaction keeps its size in the index', async () => {
  await pushAndCompact([1], 0, 60_000);
  const numbers = Array.from({ length: 300 }, (_, i) => i + 10);
  await pushAndCompact(numbers, 0, 300);
  await pushAndCompact([1], 1, 5_000);
  await sleep(400);
  await compactFamily(storage.connection, storage.keys, 'm');
  const { told, held } = await sizes();
  assert.ok(held <= told && told < 2 * Math.max(129, held), `${held} bytes, told ${told}`);
});
