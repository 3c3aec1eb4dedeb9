import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { StoreError } from '../../src/redis/failure.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { openSequences, SEQUENCES_PER_BLOCK } from '../../src/redis/sequences.ts';
import { SECOND } from '../../src/units.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf, TestStorage } from '../support/storage.ts';

// Values of 2 KiB and more come apart from the script that decides on them, in one transaction with it.

const MANY = 40;
let redis: RedisServer;
let storage: TestStorage;

before(async () => {
  redis = await RedisServer.start();
  storage = await TestStorage.connect(redis.port);
});
after(async () => {
  await storage[Symbol.asyncDispose]();
  await redis.stop();
});
beforeEach(async () => {
  await redis.cli('FLUSHALL');
  await redis.cli('CONFIG', 'RESETSTAT');
});

/** Series that make a block of some 4 KiB. */
function large(value: string | number, mark = ''): Record<string, string | number> {
  return Object.fromEntries(
    Array.from({ length: MANY }, (_, i) => [`pad="${'x'.repeat(90)}",s="${mark}${i}"`, value]),
  );
}

async function valuesOf(name: string): Promise<Set<string>> {
  const shown = [...seriesOf(await storage.scrape())].filter(([series]) => series.startsWith(`${name}{`));
  assert.equal(shown.length, MANY);
  return new Set(shown.map(([, value]) => value));
}

async function calls(command: string): Promise<number> {
  const stats = await redis.cli('INFO', 'commandstats');
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

async function drafts(): Promise<string> {
  return (await redis.cli('--scan', '--pattern', '*:draft:*')).trim();
}

test('large values are not arguments of a script; small ones are', async () => {
  await storage.push('m', large(1));
  await storage.push('m', large(2));
  assert.equal(await calls('exec'), 2);
  assert.deepEqual(await valuesOf('m'), new Set(['2']));
  assert.equal((await storage.pushGroup([['job', 'a']], { g: large(1, 'g') })).status, 'stored');
  assert.equal((await storage.pushGroup([['job', 'a']], { g: large(2, 'g') })).status, 'stored');
  assert.equal(await calls('exec'), 4);
  assert.deepEqual(await valuesOf('g'), new Set(['2']));
  await storage.push('n', { 's="1"': 1 });
  assert.equal(await calls('exec'), 4);
  assert.equal(await drafts(), '');
});

test('a family that is refused keeps what it has, and the others of the call are stored', async () => {
  await storage.push('taken', large(1));
  const family = (name: string, type: string) => {
    const block = storage.block(
      name,
      Object.entries(large(2)).map(([labels, value]) => [labels, String(value)]),
    );
    return storage.family(name, [block], { type });
  };
  const pieces = await storage.commit([
    family('free', 'gauge'),
    family('taken', 'counter'),
    family('taken_too', 'gauge'),
  ]);
  const byName = new Map(pieces.map(({ family: { name }, outcome }) => [name, outcome.status]));
  assert.deepEqual([...byName].sort(), [
    ['free', 'stored'],
    ['taken', 'taken'],
    ['taken_too', 'stored'],
  ]);
  assert.deepEqual(await valuesOf('taken'), new Set(['1']));
  assert.deepEqual(await valuesOf('free'), new Set(['2']));
  assert.equal(await drafts(), '');
  const ttl = Number(await redis.cli('PTTL', storage.keys.family(bucketOf('free'), 'free')));
  assert.ok(ttl > 300 * SECOND - 5 * SECOND, `${ttl} ms`);
});

test('a group push that is refused leaves nothing', async () => {
  await storage.push('taken', large(1));
  const outcome = await storage.pushGroup(
    [['job', 'a']],
    { free: large(2), taken: large(2) },
    { type: 'counter' },
  );
  assert.equal(outcome.status, 'refused');
  assert.deepEqual(await valuesOf('taken'), new Set(['1']));
  assert.equal(await redis.cli('EXISTS', storage.keys.family(bucketOf('free'), 'free')), '0');
  assert.equal(await drafts(), '');
});

test('scripts that Redis has forgotten: nothing is written unasked, and the push goes through', async () => {
  await storage.push('m', large(1));
  await storage.pushGroup([['job', 'a']], { g: large(1, 'g') });
  await redis.cli('SCRIPT', 'FLUSH');
  await storage.push('m', large(2));
  await storage.pushGroup([['job', 'a']], { g: large(2, 'g') });
  assert.deepEqual([await valuesOf('m'), await valuesOf('g')], [new Set(['2']), new Set(['2'])]);
  assert.equal(await drafts(), '');
});

test('of a body that arrives in the wrong order the later values stay, also in a family without an order', async () => {
  for (const blocks of [1, 3]) {
    const base = await openSequences(storage.connection, storage.keys);
    const family = (value: number) => {
      const written = Array.from({ length: blocks }, (_, b) => {
        const series = Object.entries(large(value, `${b}-`)).slice(0, Math.ceil(MANY / blocks));
        return storage.block(
          'm',
          series.map(([labels, v]) => [labels, String(v)]),
        );
      });
      return storage.family('m', written);
    };
    await storage.commit([family(2)], { sequences: base.map((s) => s + SEQUENCES_PER_BLOCK) });
    const [piece] = await storage.commit([family(1)], { sequences: base });
    assert.equal(piece.outcome.status, 'stored');
    const shown = [...seriesOf(await storage.scrape())].filter(([series]) => series.includes('s="0-'));
    assert.deepEqual(new Set(shown.map(([, value]) => value)), new Set(['2']));
    await redis.cli('FLUSHALL');
  }
});

test('stamps that Redis does not agree with: it is asked again, with the values', async () => {
  await storage.push('m', large(1));
  // The bucket has given out sequences from the future: none that a sender proposes will do.
  const clock = storage.keys.clock(bucketOf('m'));
  await storage.connection.command('SET', clock, Number(await redis.cli('GET', clock)) + 600_000_000);
  await redis.cli('CONFIG', 'RESETSTAT');
  await storage.push('m', large(2));
  assert.equal(await calls('exec'), 1);
  assert.equal(await calls('evalsha'), 2);
  assert.deepEqual(await valuesOf('m'), new Set(['2']));
  const outcome = await storage.pushGroup([['job', 'a']], { m2: large(3) });
  assert.equal(outcome.status, 'stored');
  assert.deepEqual(await valuesOf('m2'), new Set(['3']));
  assert.equal(await drafts(), '');
});

test('without memory a push is refused, and what is there stays', async () => {
  await storage.push('m', large(1));
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  try {
    const block = storage.block(
      'm',
      Object.entries(large(2)).map(([labels, value]) => [labels, String(value)]),
    );
    const [{ outcome }] = await storage.commit([storage.family('m', [block])]);
    assert.ok(outcome.status === 'failed' && outcome.error instanceof StoreError);
    assert.equal(outcome.error.reason, 'oom');
    assert.deepEqual(await valuesOf('m'), new Set(['1']));
  } finally {
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  }
});

test('a family that Redis cannot read: what comes before it in the call is stored with its blocks', async () => {
  // The order in a call is that of the buckets as they come.
  assert.notEqual(bucketOf('a'), bucketOf('b'));
  await storage.push('a', large(1));
  await storage.connection.command('HSET', storage.keys.family(bucketOf('b'), 'b'), 'm', 'damaged');
  const family = (name: string) => {
    const series = Object.entries(large(2)).map(([labels, value]) => [labels, String(value)] as const);
    return storage.family(name, [storage.block(name, series)]);
  };
  const pieces = await storage.commit([family('a'), family('b')]);
  assert.deepEqual(
    pieces.map(({ outcome }) => outcome.status),
    ['failed', 'failed'],
  );
  assert.deepEqual(await valuesOf('a'), new Set(['2']));
  assert.equal(await drafts(), '');
});

test('a user who may not use transactions: values are arguments, as small ones are', async () => {
  await redis.cli('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '+@all', '-multi');
  await using plain = await TestStorage.connect(redis.port, { username: 'plain', password: 'secret' });
  // The connection has tried.
  await redis.cli('CONFIG', 'RESETSTAT');
  await plain.push('m', large(1));
  await plain.pushGroup([['job', 'a']], { g: large(1, 'g') });
  assert.equal(await calls('exec'), 0);
  assert.deepEqual([await valuesOf('m'), await valuesOf('g')], [new Set(['1']), new Set(['1'])]);
});
