import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FamilyWrite } from '../../src/redis/block-store.ts';
import { compactFamily } from '../../src/redis/compaction.ts';
import { META, readMeta } from '../../src/redis/family-meta.ts';
import { baseOf, bucketOf, bucketOfText } from '../../src/redis/keys.ts';
import { TestStorage, useStorage } from '../support/storage.ts';

// No two families of one exposition may claim a sample name, and a family has one type.

const { redis, storage } = await useStorage();

function plain(name: string, type: string | null = 'gauge'): FamilyWrite {
  return storage.family(name, [storage.block(name, [['s="1"', '1']])], { type: type ?? undefined });
}

function histogram(name: string): FamilyWrite {
  const text = `${name}_bucket{s="1",le="+Inf"} 1\n${name}_sum{s="1"} 1\n${name}_count{s="1"} 1\n`;
  return storage.family(name, [storage.blockOf('histogram', [['s="1"', text]])], {
    kind: 'histogram',
    type: 'histogram',
  });
}

function summary(name: string): FamilyWrite {
  const text = `${name}_sum{s="1"} 1\n${name}_count{s="1"} 1\n`;
  return storage.family(name, [storage.blockOf('summary', [['s="1"', text]])], {
    kind: 'summary',
    type: 'summary',
  });
}

async function statuses(families: readonly FamilyWrite[], ttlMs = 60_000): Promise<string[]> {
  return (await storage.commit(families, { ttlMs })).map(({ outcome }) => outcome.status);
}

test('the bucket of a name is that of what a scraper is shown of it, without suffixes', () => {
  const part = fc.constantFrom(
    'x',
    'A',
    '_',
    ':',
    '9',
    '.',
    'é',
    '😀',
    '\ud800',
    '[',
    '`',
    '_sum',
    '_count',
    '_total',
    '_info',
    '_',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const shown = parts.join('').replace(/^[0-9]|[^a-zA-Z0-9_:]/gu, '_');
      const base = shown.replace(/(_bucket|_sum|_count|_total|_created|_info)+$/, '');
      assert.equal(baseOf(shown), base);
      assert.equal(bucketOf(parts.join('')), bucketOfText(base));
    }),
    { numRuns: 2000 },
  );
});

test('families whose names can clash lie in one bucket', () => {
  for (const suffix of ['_bucket', '_sum', '_count', '_count_sum', '_total', '_created', '_info']) {
    assert.equal(bucketOf(`some_name${suffix}`), bucketOf('some_name'));
  }
});

test('families that look the same to a scraper without UTF-8 names lie in one bucket', () => {
  for (const [name, shown] of [
    ['my.metric', 'my_metric'],
    ['my.hist_count', 'my_hist'],
    ['my_hist.count', 'my_hist'],
    ['9x', '_x'],
    ['日本 😀', '____'],
    ['a\nb"\\', 'a_b__'],
  ]) {
    assert.equal(bucketOf(name), bucketOf(shown), name);
  }
  // Where what is stored already is looked for.
  assert.deepEqual(['up', 'http_requests_total', 'job:x:rate5m', 'x_count'].map(bucketOf), [38, 14, 58, 31]);
});

const CLASHES: ReadonlyArray<readonly [title: string, first: () => FamilyWrite, second: () => FamilyWrite]> =
  [
    ['a histogram x and a gauge x_count', () => histogram('x'), () => plain('x_count')],
    ['a histogram x and a gauge x_sum', () => histogram('x'), () => plain('x_sum')],
    ['a histogram x and a gauge x_bucket', () => histogram('x'), () => plain('x_bucket')],
    ['a summary x and a gauge x_count', () => summary('x'), () => plain('x_count')],
    ['a histogram x and a histogram x_count', () => histogram('x'), () => histogram('x_count')],
    ['a histogram x and a gauge x', () => histogram('x'), () => plain('x')],
    ['a histogram x and a summary x', () => histogram('x'), () => summary('x')],
  ];
for (const [title, first, second] of CLASHES) {
  test(`of ${title} the first stays, in either order`, async () => {
    assert.deepEqual(await statuses([first()]), ['stored']);
    assert.deepEqual(await statuses([second()]), ['taken']);
    await redis.flush();
    assert.deepEqual(await statuses([second()]), ['stored']);
    assert.deepEqual(await statuses([first()]), ['taken']);
    await redis.flush();
    assert.deepEqual(await statuses([first(), second()]), ['stored', 'taken'], 'in one push');
  });
}

test('names that only look alike do not clash', async () => {
  assert.deepEqual(
    await statuses([plain('x'), plain('x_count'), plain('x_sum'), plain('x_bucket')]),
    Array(4).fill('stored'),
  );
  assert.deepEqual(
    await statuses([summary('y'), plain('y_bucket'), plain('y_total')]),
    Array(3).fill('stored'),
  );
});

test('a refusal names the family in the way, its type and until when', async () => {
  await statuses([histogram('x')], 60_000);
  const before = Date.now();
  const [{ outcome }] = await storage.commit([plain('x_count')]);
  assert.ok(outcome.status === 'taken');
  assert.equal(outcome.family, 'x');
  assert.equal(outcome.type, 'histogram');
  assert.ok(Math.abs(outcome.untilMs - before - 60_000) < 2000);
});

test('a name is free again when the family that had it has ended', async () => {
  await statuses([histogram('x')], 100);
  await sleep(150);
  assert.deepEqual(await statuses([plain('x_count')]), ['stored']);
  assert.deepEqual(await statuses([plain('x')]), ['stored']);
});

test('samples without TYPE take the type of the family; an untyped family takes the first type declared', async () => {
  await statuses([plain('x', null)]);
  assert.match(await storage.scrape(), /# TYPE x untyped\n/);
  await statuses([plain('x', 'counter')]);
  assert.match(await storage.scrape(), /# TYPE x counter\n/);
  await statuses([plain('x', null)]);
  assert.match(await storage.scrape(), /# TYPE x counter\n/);
  assert.deepEqual(await statuses([plain('x', 'gauge')]), ['taken']);
  assert.deepEqual(await statuses([plain('x', 'untyped')]), ['stored']);
});

// Each push overwrites the block before it, which is looked at first and in a way of its own.
for (const to of ['/ingest', 'a group'] as const) {
  test(`HELP and UNIT are those that were said last, and what is not said stays: ${to}`, async () => {
    const steps: Array<{ help?: string; unit?: string; shows: ReadonlyArray<string | undefined> }> = [
      { shows: [undefined, undefined] },
      { unit: 'bytes', shows: [undefined, 'bytes'] },
      { help: 'One.', unit: 'bytes', shows: ['One.', 'bytes'] },
      { help: 'One.', unit: 'seconds', shows: ['One.', 'seconds'] },
      { help: 'Two.', shows: ['Two.', 'seconds'] },
      { shows: ['Two.', 'seconds'] },
      { unit: 'bytes', shows: ['Two.', 'bytes'] },
    ];
    const hash = storage.keys.family(bucketOf('m'), 'm');
    for (const { help, unit, shows } of steps) {
      const family = { ...plain('m'), type: 'gauge', help, unit };
      if (to === '/ingest') assert.deepEqual(await statuses([family]), ['stored']);
      else assert.equal((await storage.pushGroupOf([['job', 'a']], [family])).status, 'stored');
      const { type, ...meta } = readMeta((await storage.connection.command('HGET', hash, META)) as Buffer);
      assert.deepEqual([type, meta.help, meta.unit], ['gauge', ...shows]);
    }
  });
}

test('a family whose long-lived series were all pushed again with a short life frees its name after compaction', async () => {
  await statuses([plain('x', 'counter')], 0);
  await statuses([plain('x', 'counter')], 100);
  await sleep(150);
  assert.deepEqual(
    await statuses([plain('x', 'gauge')]),
    ['taken'],
    'its deadline is still that of the longest block',
  );
  await compactFamily(storage.connection, storage.keys, 'x');
  assert.deepEqual(await statuses([plain('x', 'gauge')]), ['stored']);
});

test('20 pushes at once, half as gauge and half as counter: one type, and the others are refused', async () => {
  await using other = await TestStorage.connect(redis);
  const pieces = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const block = storage.block('x', [[`s="${i}"`, '1']]);
      return (i % 3 ? storage : other).commit([
        storage.family('x', [block], { type: i % 2 ? 'gauge' : 'counter' }),
      ]);
    }),
  );
  const stored = pieces.flat().filter(({ outcome }) => outcome.status === 'stored');
  assert.equal(new Set(stored.map(({ family }) => family.type)).size, 1);
  assert.equal(stored.length, 10);
});
