import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../src/redis/failure.ts';
import { groupOf } from '../../src/redis/group.ts';
import { GroupLease } from '../../src/redis/group-lease.ts';
import { useStorage } from '../support/storage.ts';

const { storage } = await useStorage();
const GROUP = groupOf([['job', 'a']]);
const TIMEOUT_MS = 40;

function lease(): GroupLease {
  return new GroupLease(storage.connection, storage.keys, GROUP, TIMEOUT_MS);
}

test('a lease is renewed while it is held', async () => {
  const held = lease();
  await held.begin(['x'], 0);
  for (let i = 0; i < 5; i++) {
    await sleep(TIMEOUT_MS);
    await held.renew(0);
  }
  await held.end('stored', { families: ['x'] });
});

test('a lease that has passed is lost, also if nobody holds the group any more', async () => {
  const slow = lease();
  await slow.begin(['x'], 0);
  await sleep(TIMEOUT_MS * 4);
  const other = lease();
  await other.begin(['y'], 0);
  await other.end('stored', { families: ['y'] });
  await assert.rejects(slow.renew(0), (error) => error instanceof StoreError && error.reason === 'busy');
});
