import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familyNames } from '../../src/redis/family-index.ts';
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
