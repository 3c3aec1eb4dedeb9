import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisConnection } from '../../src/redis/client.ts';
import { compactFamily } from '../../src/redis/compaction.ts';
import type { Needed } from '../../src/redis/family-blocks.ts';
import { groupFamilies } from '../../src/redis/group-store.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { KnownFamilies } from '../../src/redis/known-families.ts';
import { scrape } from '../../src/redis/scrape.ts';
import { openSequences } from '../../src/redis/sequences.ts';
import { isPlace } from '../../src/redis/shelves.ts';
import { seriesOf, useStorage } from '../support/storage.ts';

// The blocks of a family of many small ones stand on shelves (see commands/shared/shelves.lua): as they come and go, change
// their length, and are read meanwhile. The suite `shelved` runs all tests of the storage with families that are from the
// beginning; here are families as large as it takes.

const { redis, storage } = await useStorage();
const skip = storage.connection.isCluster || process.env['TEST_VALUES'] !== undefined;

const PAD = 'p'.repeat(1000);
/** A family of so many blocks of 1,100 bytes is on shelves, one of FEW is not. */
const [FEW, MANY] = [80, 128];
const shown = new Map<string, string>();

beforeEach(() => {
  shown.clear();
});

type Owner = (source: number, value: string | number, name?: string) => Promise<unknown>;

const seriesFor = (source: number, name: string): string => `${name}{pad="${PAD}",source="${source}"}`;
const labelsFor = (source: number): string => `pad="${PAD}",source="${source}"`;

const ingest: Owner = async (source, value, name = 'm') => {
  await storage.push(name, { [labelsFor(source)]: value });
  shown.set(seriesFor(source, name), String(value));
};

const toGroup: Owner = async (source, value, name = 'm') => {
  const group = [['source', String(source)]] as const;
  const { status } = await storage.pushGroup(group, { [name]: { [labelsFor(source)]: value } });
  assert.equal(status, 'stored');
  shown.set(seriesFor(source, name), String(value));
};

const removeGroup = async (source: number): Promise<void> => {
  const { status } = await storage.pushGroup([['source', String(source)]], { other: { s: 1 } });
  assert.equal(status, 'stored');
};

async function fill(push: Owner, count = MANY, name?: string): Promise<void> {
  for (let source = 0; source < count; source++) await push(source, source, name);
}

async function isShelved(name = 'm'): Promise<boolean> {
  const held = (await storage.connection.command(
    'HVALS',
    storage.keys.family(bucketOf(name), name),
  )) as Buffer[];
  const places = held.filter(isPlace).length;
  const shelves = (await storage.shelvesOf(name)).length;
  assert.equal(shelves > 0, places > 0);
  return shelves > 0;
}

/** What is shown is what was pushed, also to a reader who knows nothing, and what is noted of the family is so. */
async function assertWhole(name = 'm', blocks = shown.size): Promise<void> {
  const { noted, ...counts } = await storage.countsOf(name);
  assert.deepEqual(counts, noted);
  assert.equal(counts.blocks, blocks);
  for (const holdings of [storage.holdings, new KnownFamilies<Needed>()]) {
    const all = seriesOf(await storage.scrape({ holdings }));
    for (const series of all.keys()) if (!series.startsWith(name)) all.delete(series);
    assert.deepEqual(new Map([...all].sort()), new Map([...shown].sort()));
  }
}

/** Keys of the family beside its hash and its order. */
async function countOfShelves(): Promise<number> {
  const keys = (await storage.connection.command('KEYS', '*:s:*')) as Buffer[];
  return keys.filter((key) => key.includes(0xff)).length;
}

async function calls(command: string): Promise<number> {
  const stats = await redis.cli('INFO', 'commandstats');
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

test('on a Cluster there are none', { skip: !storage.connection.isCluster }, async () => {
  await fill(toGroup);
  await fill(ingest, MANY, 'n');
  for (const name of ['m', 'n']) assert.equal(await isShelved(name), false);
  assert.equal(seriesOf(await storage.scrape()).size, 2 * MANY);
});

for (const [who, push] of [
  ['/ingest', ingest],
  ['groups', toGroup],
] as const) {
  test(`many small blocks of ${who} are put on shelves, and replaced there, whatever their length`, {
    skip,
  }, async () => {
    await fill(push, FEW);
    assert.equal(await isShelved(), false);
    await fill(push);
    assert.equal(await isShelved(), true);
    await assertWhole();
    for (const [round, value] of ['7', '12345', '1', '9'.repeat(300), '2', '5'.repeat(17)].entries()) {
      for (let source = 0; source < MANY; source += round + 1) await push(source, value);
      await assertWhole();
    }
    for (let source = MANY; source < 2 * MANY; source++) await push(source, source);
    assert.equal(await isShelved(), true);
    await assertWhole();
    // What the slots had before is not kept for long.
    const bytes = (await storage.shelvesOf('m')).reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes < 1.3 * (await storage.countsOf('m')).bytes, `${bytes}`);
  });
}

test('a family with a name in UTF-8, too', { skip }, async () => {
  for (let source = 0; source < MANY; source++) await ingest(source, 1, 'größe.ω');
  assert.equal(await isShelved('größe.ω'), true);
  shown.clear();
  assert.equal(seriesOf(await storage.scrape({ holdings: new KnownFamilies() })).size, MANY);
});

test('a family is read from its shelves as soon as that is known of it', { skip }, async () => {
  await fill(toGroup);
  await assertWhole();
  await redis.cli('CONFIG', 'RESETSTAT');
  assert.equal(seriesOf(await storage.scrape()).size, MANY);
  assert.deepEqual([await calls('mget'), await calls('hvals'), await calls('hgetall')], [1, 0, 0]);
});

test('shelves that have come since the last scrape are read, too', { skip }, async () => {
  await fill(ingest);
  await assertWhole();
  for (let source = MANY; source < 3 * MANY; source++) await ingest(source, 1);
  await assertWhole();
});

test('groups that go leave room, and a family that becomes small is not on shelves any more', {
  skip,
}, async () => {
  await fill(toGroup, 2 * MANY);
  const before = (await storage.shelvesOf('m')).length;
  for (let source = 0; source < MANY; source++) {
    await removeGroup(source);
    shown.delete(seriesFor(source, 'm'));
  }
  await assertWhole();
  assert.equal(await isShelved(), true);
  assert.ok((await storage.shelvesOf('m')).length < before * 0.7);
  for (let source = MANY; source < 2 * MANY - 5; source++) {
    await removeGroup(source);
    shown.delete(seriesFor(source, 'm'));
  }
  assert.equal(await isShelved(), false);
  await assertWhole();
});

test('a group that changes its series where /ingest has blocks, or merges others, clears the shelves', {
  skip,
}, async () => {
  await fill(toGroup);
  const merged = { [`${labelsFor(0)},x="1"`]: 5 };
  const outcome = await storage.pushGroup([['source', '0']], { m: merged }, { mode: 'merge' });
  assert.equal(outcome.status, 'stored');
  shown.set(`m{${labelsFor(0)},x="1"}`, '5');
  assert.equal(await isShelved(), false);
  await assertWhole();
});

test('one that becomes large gets an order', { skip }, async () => {
  await fill(toGroup);
  await toGroup(1, '1'.padStart(5000, '0'));
  assert.equal(await isShelved(), false);
  await assertWhole();
});

test('blocks that come apart from their script clear the shelves, and nothing is lost', {
  skip,
}, async () => {
  await fill(toGroup);
  await fill(ingest, MANY, 'n');
  const padding = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a="${PAD}",i="${i}"`, 1]));
  const small = { [labelsFor(0)]: 17 };
  const families = [
    storage.block('n', [[labelsFor(0), '17']]),
    storage.block(
      'large',
      Object.entries(padding).map(([labels]) => [labels, '1']),
    ),
  ];
  const written = ['n', 'large'].map((name, i) => storage.family(name, [families[i]]));
  for (const { outcome } of await storage.commit(written)) assert.equal(outcome.status, 'stored');
  assert.ok((await calls('exec')) > 0);
  assert.equal(await isShelved('n'), false);
  shown.set(seriesFor(0, 'n'), '17');
  const outcome = await storage.pushGroup([['source', '0']], { m: small, large2: padding });
  assert.equal(outcome.status, 'stored');
  assert.equal(await isShelved(), false);
  shown.set(seriesFor(0, 'm'), '17');
  const all = seriesOf(await storage.scrape());
  for (const series of all.keys()) if (series.startsWith('large')) all.delete(series);
  assert.deepEqual(new Map([...all].sort()), new Map([...shown].sort()));
});

test('compaction of a family on shelves removes what has ended, and leaves the rest', { skip }, async () => {
  await fill(ingest);
  for (let source = MANY; source < 2 * MANY; source++) {
    await storage.push('m', { [labelsFor(source)]: 1 }, { ttlMs: 500 });
  }
  await sleep(600);
  await compactFamily(storage.connection, storage.keys, 'm');
  assert.equal(await isShelved(), true);
  await assertWhole();
});

test('what a group has there is told of it alone, too', { skip }, async () => {
  await fill(toGroup);
  const texts: string[] = [];
  for await (const { pieces } of groupFamilies(storage.connection, storage.keys, [['source', '7']]))
    texts.push(pieces.map(({ text }) => String(text)).join(''));
  assert.deepEqual(texts, [`${seriesFor(7, 'm')} 7\n`]);
});

test('shelves end with their family, and go with it', { skip }, async () => {
  for (let source = 0; source < MANY; source++) {
    await storage.push('m', { [labelsFor(source)]: 1 }, { ttlMs: 4000 });
  }
  assert.equal(await isShelved(), true);
  assert.ok((await countOfShelves()) > 0);
  // Another type: the family of before must have ended.
  await sleep(4100);
  const block = storage.block('m', [['s="1"', '1']]);
  const [{ outcome }] = await storage.commit([storage.family('m', [block], { type: 'counter' })]);
  assert.equal(outcome.status, 'stored');
  assert.equal(await countOfShelves(), 0);
  await redis.flush();

  for (let source = 0; source < MANY; source++) {
    await storage.push('m', { [labelsFor(source)]: 1 }, { ttlMs: 4000 });
  }
  await sleep(5200);
  assert.equal(await countOfShelves(), 0);
});

test('a family that is pushed time and again lives on with its shelves', { skip }, async () => {
  for (let round = 0; round < 3; round++) {
    for (let source = 0; source < MANY; source++) {
      await storage.push('m', { [labelsFor(source)]: round }, { ttlMs: 2500 });
    }
    await sleep(1500);
  }
  assert.equal(await isShelved(), true);
  assert.equal(seriesOf(await storage.scrape()).size, MANY);
});

test('of a family whose shelf Redis has evicted the rest is shown, and what is pushed again', {
  skip,
}, async () => {
  await fill(ingest);
  const shelves = await storage.shelvesOf('m');
  const order = Buffer.from(storage.keys.order(bucketOf('m'), 'm'));
  await storage.connection.command('UNLINK', Buffer.concat([order, Buffer.from([0xff]), Buffer.from('1')]));
  const lost = [...shown.keys()].filter((series) => shelves[1].includes(`${series} `));
  assert.ok(lost.length > 20);
  const exposition = scrape(storage.connection, storage.keys);
  const chunks: Buffer[] = [];
  let next = await exposition.next();
  for (; next.done !== true; next = await exposition.next()) chunks.push(next.value);
  assert.equal(next.value.damagedBlocks, lost.length);
  assert.equal(seriesOf(String(Buffer.concat(chunks))).size, MANY - lost.length);
  // One that stood there.
  for (const series of lost) shown.delete(series);
  const source = Number(/source="(\d+)"/.exec(lost[3])?.[1]);
  await ingest(source, 99);
  await assertWhole();
  for (let source = 0; source < MANY; source++) await ingest(source, 100 + source);
  assert.equal(shown.size, MANY);
  await assertWhole();
});

test('shelves that are left of a family whose hash Redis has evicted are not those of the next one', {
  skip,
}, async () => {
  await fill(ingest, 3 * MANY);
  await redis.cli('UNLINK', storage.keys.family(bucketOf('m'), 'm'));
  shown.clear();
  await fill(ingest);
  await assertWhole();
});

test('a family whose blocks become short takes less, and is read at once', { skip }, async () => {
  await fill(toGroup, 2 * MANY);
  for (let source = 0; source < 2 * MANY; source++) {
    const labels = `p="${'p'.repeat(300)}",source="${source}"`;
    await storage.pushGroup([['source', String(source)]], { m: { [labels]: 1 } });
    shown.delete(seriesFor(source, 'm'));
    shown.set(`m{${labels}}`, '1');
  }
  await assertWhole();
  const bytes = (await storage.shelvesOf('m')).reduce((sum, { length }) => sum + length, 0);
  assert.ok(bytes < 2 * (await storage.countsOf('m')).bytes, `${bytes}`);
  await redis.cli('CONFIG', 'RESETSTAT');
  await storage.scrape();
  assert.deepEqual([await calls('mget'), await calls('evalsha')], [1, 0]);
});

test('a body whose blocks come apart, and one of whose blocks was pushed since, clears the shelves', {
  skip,
}, async () => {
  await fill(ingest);
  const sequences = await openSequences(storage.connection, storage.keys);
  await ingest(0, 'NaN');
  const large = Array.from({ length: 100 }, (_, i): [string, string] => [`a="${PAD}",i="${i}"`, '1']);
  const blocks = [0, 1].map((source) => storage.block('m', [[labelsFor(source), '5']]));
  const families = [storage.family('m', blocks), storage.family('large', [storage.block('large', large)])];
  for (const { outcome } of await storage.commit(families, { sequences }))
    assert.equal(outcome.status, 'stored');
  shown.set(seriesFor(1, 'm'), '5');
  await assertWhole();
  assert.equal(await isShelved(), false);
});

test('of many families that may be put on shelves with one push, some are with the next ones', {
  skip,
}, async () => {
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
  const push = async (source: number): Promise<void> => {
    const families = Object.fromEntries(names.map((name) => [name, { [labelsFor(source)]: 1 }]));
    const { status } = await storage.pushGroup([['source', String(source)]], families);
    assert.equal(status, 'stored');
  };
  const shelved = async () => (await Promise.all(names.map(isShelved))).filter(Boolean).length;
  let sources = 0;
  while ((await shelved()) === 0) await push(sources++);
  assert.ok((await shelved()) < 5);
  for (let i = 0; i < 20; i++) await push(sources++);
  assert.equal(await shelved(), names.length);
  assert.equal(seriesOf(await storage.scrape()).size, sources * names.length);
});

test('a family that cannot be put on shelves is not looked at with each push', { skip }, async () => {
  const many = { [`${labelsFor(0)},x="1"`]: 1, [`${labelsFor(0)},x="2"`]: 1 };
  await storage.pushGroup([['source', '0']], { m: many }, { blockSize: 1 });
  for (let source = 1; source < MANY; source++) await toGroup(source, 1);
  await redis.cli('CONFIG', 'RESETSTAT');
  // It would have to have a quarter more.
  for (let source = MANY; source < MANY + 10; source++) await toGroup(source, 1);
  assert.equal(await calls('hgetall'), 0);
  assert.equal(await isShelved(), false);
  assert.equal(seriesOf(await storage.scrape()).size, shown.size + 2);
});

test('what a Redis without memory refuses it refuses as a whole, wherever its last shelf ends', {
  skip,
}, async () => {
  await fill(ingest);
  for (let source = MANY; source < MANY + 30; source++) {
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1000000');
    try {
      const block = storage.block('m', [[labelsFor(source), '1']]);
      const [{ outcome }] = await storage.commit([storage.family('m', [block])]);
      assert.equal(outcome.status === 'failed' && outcome.error.reason, 'oom', `${source}`);
    } finally {
      await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    }
    await ingest(source, 1);
  }
  await assertWhole();
});

test('a family may be put on shelves, and they may be cleared, between any two looks at it', {
  skip,
}, async () => {
  const clear = async (): Promise<void> => {
    const merged = { [`${labelsFor(0)},x="1"`]: 5 };
    await storage.pushGroup([['source', '0']], { m: { ...merged, [labelsFor(0)]: 0 } }, { mode: 'merge' });
  };
  const changes: Array<[string, (() => Promise<unknown>)[]]> = [
    ['put there', [() => toGroup(most, 1)]],
    ['cleared', [clear]],
    ['put there, and cleared', [() => toGroup(most, 1), clear]],
  ];
  let most = FEW;
  for (await fill(toGroup, FEW); !(await isShelved()); most++) await toGroup(most, 1);
  most--;
  for (const before of [most, most + 1]) {
    for (const [how, steps] of changes) {
      for (const isKnown of [false, true]) {
        await redis.flush();
        shown.clear();
        await fill(toGroup, before);
        const holdings = new KnownFamilies<Needed>();
        if (isKnown) await storage.scrape({ holdings });
        const lived = new Set(shown.keys());
        const left = [...steps];
        const connection = new Proxy(storage.connection, {
          get(target, key) {
            const value = Reflect.get(target, key, target);
            if (typeof value !== 'function') return value;
            if (key !== 'batch') return value.bind(target);
            return async (...args: Parameters<RedisConnection['batch']>) => {
              await target.batch(...args);
              await left.shift()?.();
            };
          },
        }) as RedisConnection;
        const chunks: Buffer[] = [];
        for await (const chunk of scrape(connection, storage.keys, { holdings })) chunks.push(chunk);
        const all = seriesOf(String(Buffer.concat(chunks)));
        for (const series of lived)
          assert.ok(all.has(series), `${how}, ${before}, ${isKnown}: ${series.slice(-20)}`);
        await assertShown(holdings);
      }
    }
  }

  async function assertShown(holdings: KnownFamilies<Needed>): Promise<void> {
    const all = seriesOf(await storage.scrape({ holdings }));
    for (const [series, value] of shown) assert.equal(all.get(series), value);
  }
});
