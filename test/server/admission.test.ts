import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '../../src/server/admission.ts';

function order(turns: Turns, names: readonly string[]): string[] {
  const seen: string[] = [];
  for (const name of names) void turns.take().then(() => seen.push(name));
  return seen;
}

test('no more than the limit hold a turn, and those who wait get theirs in order', async () => {
  const turns = new Turns({ limit: 2 });
  const seen = order(turns, ['a', 'b', 'c', 'd']);
  await sleep(1);
  assert.deepEqual(seen, ['a', 'b']);
  assert.equal(turns.held, 2);
  assert.equal(turns.waiting, 2);
  turns.give();
  await sleep(1);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  turns.give();
  turns.give();
  await sleep(1);
  assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
  assert.equal(turns.held, 1);
});

test('who comes while others wait does not overtake them', async () => {
  const turns = new Turns({ limit: 1 });
  await turns.take();
  const seen = order(turns, ['waiting']);
  turns.give();
  seen.push(...order(turns, ['late']));
  await sleep(1);
  assert.deepEqual(seen, ['waiting']);
});

test('beyond the number that may wait one is refused at once', async () => {
  const turns = new Turns({ limit: 1, maxWaiting: 1, refusal: 'too many' });
  await turns.take();
  const waiting = turns.take();
  await assert.rejects(turns.take(), { code: 'ERR_BUSY', message: 'too many' });
  turns.give();
  await waiting;
});

test('with nobody allowed to wait a free turn is still given', async () => {
  const turns = new Turns({ limit: 1, maxWaiting: 0 });
  await turns.take();
  await assert.rejects(turns.take(), { code: 'ERR_BUSY' });
});

test('who waits too long is refused and leaves the queue', async () => {
  const turns = new Turns({ limit: 1, maxWaitMs: 5 });
  await turns.take();
  await assert.rejects(turns.take(), { code: 'ERR_BUSY' });
  assert.equal(turns.waiting, 0);
  turns.give();
  assert.equal(turns.held, 0);
});

test('who gives up waiting leaves the queue with its own reason', async () => {
  const turns = new Turns({ limit: 1 });
  await turns.take();
  const abort = new AbortController();
  const waiting = turns.take(abort.signal);
  abort.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(turns.take(abort.signal), /gone/);
  assert.equal(turns.waiting, 0);
});

test('a parked holder lets others in and comes back in its order', async () => {
  const turns = new Turns({ limit: 1, maxWaiting: 1 });
  await turns.take();
  const seen = order(turns, ['other']);
  turns.park();
  await sleep(1);
  assert.deepEqual(seen, ['other']);
  // It counts as one that waits: the number of all who are let in stays bounded.
  await assert.rejects(turns.take(), { code: 'ERR_BUSY' });
  const back = turns.resume().then(() => seen.push('back'));
  turns.give();
  await back;
  assert.deepEqual(seen, ['other', 'back']);
  turns.park();
  turns.unpark();
  assert.deepEqual([turns.held, turns.parked, turns.waiting], [0, 0, 0]);
});

test('where the parked resume at once they go beyond the limit, and newcomers wait', async () => {
  const turns = new Turns({ limit: 1, resumeAtOnce: true });
  await turns.take();
  turns.park();
  await turns.take();
  await turns.resume();
  assert.deepEqual([turns.held, turns.parked], [2, 0]);
  let taken = false;
  const third = turns.take().then(() => {
    taken = true;
  });
  turns.give();
  await sleep(1);
  assert.equal(taken, false);
  turns.give();
  await third;
  assert.equal(turns.held, 1);
  const gone = new AbortController();
  gone.abort(new Error('gone'));
  turns.park();
  await assert.rejects(turns.resume(gone.signal), /^Error: gone$/);
  assert.deepEqual([turns.held, turns.parked], [0, 0]);
});
