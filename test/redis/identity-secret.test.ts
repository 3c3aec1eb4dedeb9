import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { RedisConnection } from '../../src/redis/client.ts';
import type { Reply } from '../../src/redis/commands.ts';
import { StoreError } from '../../src/redis/failure.ts';
import { agreeOnSecret } from '../../src/redis/identity-secret.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TestStorage } from '../support/storage.ts';

const MINE = Uint8Array.from({ length: 16 }, (_, i) => i);
const OTHERS = Uint8Array.from({ length: 16 }, (_, i) => i + 100);
let redis: RedisServer;
let storage: TestStorage;
let connection: RedisConnection;
let keys: Keys;

before(async () => {
  redis = await RedisServer.start();
  storage = await TestStorage.connect(redis.port);
  ({ connection, keys } = storage);
});
after(async () => {
  await storage[Symbol.asyncDispose]();
  await redis.stop();
});
beforeEach(async () => {
  await redis.cli('FLUSHALL');
});

type Step = 'before GET' | 'after GET' | 'before SET' | 'after SET';

/** The same connection, on which something else comes between the commands. */
function interrupted(happens: (step: Step, count: number) => Promise<unknown>): typeof connection.command {
  const counts = { GET: 0, SET: 0 };
  return async (name, ...args): Promise<Reply> => {
    const command = name as 'GET' | 'SET';
    const count = ++counts[command];
    await happens(`before ${command}`, count);
    const reply = await connection.command(name, ...args);
    await happens(`after ${command}`, count);
    return reply;
  };
}

const hold = (secret: Uint8Array): Promise<Reply> =>
  connection.command('SET', keys.secret, Buffer.from(secret));
const flush = (): Promise<Reply> => connection.command('FLUSHALL');

test('who comes first creates the secret, the others read it', async () => {
  const [first, second] = await Promise.all([
    agreeOnSecret(connection, keys),
    agreeOnSecret(connection, keys),
  ]);
  assert.equal(first.length, 16);
  assert.deepEqual(first, second);
  assert.deepEqual(await agreeOnSecret(connection, keys, MINE), first);
});

test('a secret that Redis has lost is put back', async () => {
  assert.deepEqual(await agreeOnSecret(connection, keys, MINE), MINE);
  assert.deepEqual(await connection.command('GET', keys.secret), Buffer.from(MINE));
});

test('a secret that Redis loses again just when it was put back is no fault', async () => {
  const command = interrupted(async (step, count) => {
    if (step === 'after SET' && count === 1) await flush();
  });
  assert.deepEqual(await agreeOnSecret({ command }, keys, MINE), MINE);
});

test("another's secret that comes and goes before it is read is no fault", async () => {
  const command = interrupted(async (step, count) => {
    if (step === 'before SET' && count === 1) await hold(OTHERS);
    if (step === 'before GET' && count === 2) await flush();
  });
  assert.deepEqual(await agreeOnSecret({ command }, keys, MINE), MINE);
  assert.deepEqual(await connection.command('GET', keys.secret), Buffer.from(MINE));
});

test("another's secret that comes meanwhile is adopted", async () => {
  const command = interrupted(async (step) => {
    if (step === 'before SET') await hold(OTHERS);
  });
  assert.deepEqual(await agreeOnSecret({ command }, keys, MINE), OTHERS);
});

test('a key that is gone whenever it is read is not asked for endlessly', async () => {
  const command = interrupted(async (step) => {
    if (step === 'before SET') await hold(OTHERS);
    if (step === 'before GET') await flush();
  });
  await assert.rejects(
    agreeOnSecret({ command }, keys, MINE),
    (error) => error instanceof StoreError && error.reason === 'identity' && /is gone/.test(error.message),
  );
});

test('a key that holds something else is left alone, and told of', async () => {
  await connection.command('SET', keys.secret, 'short');
  await assert.rejects(
    agreeOnSecret(connection, keys, MINE),
    (error) =>
      error instanceof StoreError && error.reason === 'identity' && /not a secret/.test(error.message),
  );
  assert.equal(await redis.cli('GET', keys.secret), 'short');
});
