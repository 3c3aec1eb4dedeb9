import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sentinels } from '../../src/redis/connection/sentinels.ts';
import type { StoreError } from '../../src/redis/failure.ts';
import { SECOND } from '../../src/units.ts';
import { until } from '../support/processes.ts';
import { RedisSentinels } from '../support/redis-sentinels.ts';
import { redisOptions } from '../support/storage.ts';

const LONGEST_MS = 20 * SECOND;

let set: RedisSentinels;
let sentinels: Sentinels;

before(async () => {
  set = await RedisSentinels.start({ replicas: 2 });
  const endpoints = set.sentinels.map(({ host, port }) => ({ host, port }));
  sentinels = new Sentinels({
    ...redisOptions(0),
    mode: 'sentinel',
    endpoints,
    masterName: set.masterName,
  });
});
after(async () => {
  sentinels.close();
  await set[Symbol.asyncDispose]();
});

function reasonAgainst(server: { host: string; port: number }): Promise<string | undefined> {
  return sentinels.confirm(server).then(
    () => undefined,
    (error: StoreError) => error.reason,
  );
}

test('the master is confirmed, a replica is not', async () => {
  const master = await set.master();
  await until(
    async () => (await reasonAgainst(master)) === undefined,
    LONGEST_MS,
    'the sentinels are reached',
  );
  const replica = set.servers.find((server) => server !== master);
  assert.equal(replica && (await reasonAgainst(replica)), 'readonly');
});

test('a frozen master is confirmed no more from when another takes over, also after it has woken up', async () => {
  const old = await set.master();
  old.pause();
  await until(async () => (await set.master()) !== old, LONGEST_MS, 'another is the master');
  old.resume();
  assert.equal(await reasonAgainst(old), 'readonly');
  const successor = await set.master();
  await until(async () => (await reasonAgainst(successor)) === undefined, LONGEST_MS, 'the new one counts');
  assert.equal(await reasonAgainst(old), 'readonly');
});

test('most of the sentinels must answer', async () => {
  await set.sentinels[0].kill();
  // On a busy machine they may take the master for dead once more, and have another one.
  const isConfirmed = async () => (await reasonAgainst(await set.master())) === undefined;
  await until(isConfirmed, LONGEST_MS, 'two of three are enough');
  const master = await set.master();
  await set.sentinels[1].kill();
  assert.equal(await reasonAgainst(master), 'noreplicas');
});
