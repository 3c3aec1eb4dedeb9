import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFamilyNames, familyNames } from '../../src/redis/family-index.ts';
import { useStorage } from '../support/storage.ts';

const { storage } = await useStorage();
const BUCKET = 3;

async function namesOf(): Promise<string[]> {
  const names: string[] = [];
  for await (const page of familyNames(storage.connection, storage.keys, BUCKET)) names.push(...page);
  return names;
}

test('an index of many pages gives each name once, in any alphabet', async () => {
  assert.deepEqual(await namesOf(), []);
  const names = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? `größe.${i} "x"` : `name_${i}_total`));
  for (let from = 0; from < names.length; from += 500) {
    const scored = names.slice(from, from + 500).flatMap((name) => ['1764000000000.15625', name]);
    await storage.connection.command('ZADD', storage.keys.index(BUCKET), ...scored);
  }
  const found = await namesOf();
  assert.equal(found.length, names.length);
  assert.deepEqual(new Set(found), new Set(names));
});

test('a scrape gets each name once, with the size of its family, from indexes of any length', async () => {
  // The later ones are known to be large when they are asked for, the last ones not to be.
  const lengths = new Map([0, 1, 20, 40].map((bucket, i) => [bucket, [3999, 4000, 4001, 9000][i]]));
  for (const [bucket, length] of lengths) {
    for (let from = 0; from < length; from += 1000) {
      const scored = Array.from({ length: Math.min(1000, length - from) }, (_, i) => [
        `${1_764_000_000_000 + from + i}.15625`,
        `größe_${bucket}_${from + i}`,
      ]);
      await storage.connection.command('ZADD', storage.keys.index(bucket), ...scored.flat());
    }
  }
  for await (const { bucket, names, told } of allFamilyNames(storage.connection, storage.keys)) {
    const length = lengths.get(bucket) ?? 0;
    assert.equal(names.length, length);
    const expected = Array.from({ length }, (_, i) => `größe_${bucket}_${i}`);
    assert.deepEqual(new Set(names), new Set(expected));
    // 0.15625 is 5 / 32.
    assert.deepEqual(told?.mostBytes, new Array(length).fill(128 * 2 ** 5));
  }
});

test('names that come twice, because the index grows while it is walked, are given once', async () => {
  const add = (from: number, to: number) => {
    const scored = Array.from({ length: to - from }, (_, i) => ['1764000000000', `n${from + i}`]).flat();
    return storage.connection.command('ZADD', storage.keys.index(BUCKET), ...scored);
  };
  await add(0, 3000);
  const found: string[] = [];
  let grown = 3000;
  for await (const page of familyNames(storage.connection, storage.keys, BUCKET)) {
    found.push(...page);
    if (grown < 40_000) {
      for (let i = 0; i < 10; i++, grown += 1000) await add(grown, grown + 1000);
    }
  }
  assert.equal(new Set(found).size, found.length);
  for (let i = 0; i < 3000; i++) assert.ok(found.includes(`n${i}`), `n${i} is missing`);
});
