import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../src/redis/failure.ts';
import { groupOf } from '../../src/redis/group.ts';
import { GroupLease } from '../../src/redis/group-lease.ts';
import { GroupReleases } from '../../src/redis/group-releases.ts';
import { LongWaits, SHORT_WAIT_MS } from '../../src/redis/patience.ts';
import { TestStorage, useStorage } from '../support/storage.ts';

const { redis, storage } = await useStorage();
const GROUP = groupOf([['job', 'a']]);
const TIMEOUT_MS = 200;

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

test('a group that was given up while Redis did not answer is free again as soon as it does', async () => {
  await using other = await TestStorage.connect(redis, { timeoutMs: 200 });
  const lasts = 60_000;
  const held = new GroupLease(storage.connection, storage.keys, GROUP, lasts / 3);
  await held.begin(['x'], 0);
  redis.pause();
  try {
    const releases = new GroupReleases();
    const failing = new GroupLease(other.connection, other.keys, GROUP, lasts / 3);
    // The same push, as another connection sees it.
    Object.assign(failing, { token: held.token });
    await releases.letGo(() => failing.end('given up'), lasts);
  } finally {
    redis.resume();
  }
  const next = new GroupLease(storage.connection, storage.keys, GROUP, 10_000);
  await next.begin(['y'], 0);
  await next.end('stored', { families: ['y'] });
});

test('a request to hold a group that comes too late holds nothing', async () => {
  await using slow = await TestStorage.connect(redis, { timeoutMs: 200 });
  const late = new GroupLease(slow.connection, slow.keys, GROUP, 20_000);
  // Of a Cluster, the node in question must have been reached.
  await slow.connection.command('GET', slow.keys.groupLock(GROUP.bucket, GROUP.id));
  redis.pause();
  try {
    await assert.rejects(late.begin(['x'], 0));
  } finally {
    redis.resume();
  }
  const next = new GroupLease(storage.connection, storage.keys, GROUP, 10_000);
  await next.begin(['y'], 0);
  await late.giveUp(new GroupReleases());
  await next.end('stored', { families: ['y'] });
});

test('only one task of a thread waits long for a group', async () => {
  const held = new GroupLease(storage.connection, storage.keys, GROUP, 10_000);
  await held.begin(['x'], 0);
  const longWaits = new LongWaits();
  const begun = performance.now();
  const waiting = Array.from({ length: 3 }, () => {
    const lease = new GroupLease(storage.connection, storage.keys, GROUP, 20_000, longWaits);
    return lease.begin(['y'], 0).then(
      () => lease.end('refused', { families: ['y'] }),
      (error: StoreError) => error.reason,
    );
  });
  const refused = waiting.map((answer) => answer.then((told) => (told === 'busy' ? told : Promise.reject())));
  await Promise.any(refused);
  await sleep(SHORT_WAIT_MS);
  assert.equal(longWaits.take(), false);
  await held.end('stored', { families: ['x'] });
  assert.deepEqual((await Promise.all(waiting)).sort(), ['busy', 'busy', true]);
  assert.equal(longWaits.take(), true);
  assert.ok(performance.now() - begun < 10_000);
});
