import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AskedFamilies } from '../../src/redis/asked-families.ts';
import type { RedisConnection } from '../../src/redis/client.ts';
import { FamilyAnswers } from '../../src/redis/family-answers.ts';
import type { BucketNames } from '../../src/redis/family-index.ts';
import { bucketOf } from '../../src/redis/keys.ts';
import { KnownFamilies } from '../../src/redis/known-families.ts';
import { READ_LIMITS, type ReadLimits } from '../../src/redis/read-limits.ts';
import { MIB, MINUTE } from '../../src/units.ts';
import { useStorage } from '../support/storage.ts';

/* What is asked of Redis, and when, while names come and families are worked on. */

const { storage } = await useStorage();

const NAMES = Array.from({ length: 20 }, (_, i) => `m${i}`).sort((a, b) => bucketOf(a) - bucketOf(b));

/** For what is under way to come as far as it can. */
const settle = () => sleep(100);

beforeEach(async () => {
  for (const name of NAMES) await storage.push(name, { s: 1 });
});

function named(name: string, mostBytes: number): BucketNames {
  return {
    bucket: bucketOf(name),
    names: [name],
    told: { mostBytes: [mostBytes], at: performance.now() },
  };
}

/** Reads what is named; `sent` counts the batches that it has sent, `told` how often it has said that all is asked for. */
function read(names: AsyncIterable<BucketNames>, limits: Partial<ReadLimits>) {
  const counts = { sent: 0, told: 0 };
  const connection = new Proxy(storage.connection, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key === 'batch') counts.sent++;
      return value.bind(target);
    },
  }) as RedisConnection;
  const asked = new AskedFamilies(
    connection,
    storage.keys,
    names,
    { ...READ_LIMITS, ...limits },
    new KnownFamilies(),
    () => counts.told++,
  );
  return { asked, counts };
}

async function* all(mostBytes: number): AsyncGenerator<BucketNames, void> {
  for (const name of NAMES) yield named(name, mostBytes);
}

for (const [size, mostBytes, most] of [
  ['small', 256, 6],
  ['large', 2 * MIB, 2],
] as const) {
  test(`${most} batches of ${size} families are on their way, and all come`, async () => {
    const { asked, counts } = read(all(mostBytes), { callFamilies: 1, onceMs: MINUTE });
    const shown: string[] = [];
    for (let next = await asked.next(); next !== undefined; next = await asked.next()) {
      assert.ok(next instanceof FamilyAnswers);
      shown.push(...next.refs.map(({ name }) => name));
      await settle();
      assert.equal(counts.sent - shown.length, Math.min(most, NAMES.length - shown.length));
      asked.release(next);
    }
    assert.deepEqual(shown, NAMES);
    assert.equal(counts.told, 1);
  });
}

test('families are read while names are still to come', { timeout: 30_000 }, async () => {
  const [first, second] = NAMES;
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* names(): AsyncGenerator<BucketNames, void> {
    yield named(first, READ_LIMITS.callBytes);
    await held;
    yield named(second, 256);
  }
  const { asked, counts } = read(names(), {});
  const answers = (await asked.next()) as FamilyAnswers;
  assert.deepEqual(
    answers.refs.map(({ name }) => name),
    [first],
  );
  await settle();
  assert.equal(counts.told, 0);
  goOn();
  const last = (await asked.next()) as FamilyAnswers;
  assert.deepEqual(
    last.refs.map(({ name }) => name),
    [second],
  );
  assert.equal(counts.told, 1);
});

test('all has not been asked for while the last large family is being read', async () => {
  const [only] = NAMES;
  async function* names(): AsyncGenerator<BucketNames, void> {
    yield named(only, READ_LIMITS.onceBytes + 1);
  }
  const { asked, counts } = read(names(), {});
  assert.ok(!((await asked.next()) instanceof FamilyAnswers));
  await settle();
  assert.equal(counts.told, 0);
  assert.equal(await asked.next(), undefined);
  assert.equal(counts.told, 1);
});

test('where there are no families all has been asked for at once', async () => {
  async function* names(): AsyncGenerator<BucketNames, void> {}
  const { asked, counts } = read(names(), {});
  assert.equal(await asked.next(), undefined);
  assert.equal(counts.told, 1);
});
