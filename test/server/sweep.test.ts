import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sweep } from '../../src/server/sweep.ts';
import type { CompactResult, CompactTask } from '../../src/workers/messages.ts';

const DONE: CompactResult = { kind: 'compact', blocksRemoved: 0, blocksRewritten: 0 };

async function* families(): AsyncGenerator<string> {
  yield 'a';
  yield 'b';
}

test('it visits all families again and again, and leaves alone what was cleaned up since the last time', async () => {
  const tasks: CompactTask[] = [];
  const sweep = new Sweep({
    familyNames: families,
    compact: async (task) => {
      tasks.push(task);
      return DONE;
    },
    onResult: () => {},
    onError: assert.ifError,
    yieldMs: 1000,
    intervalMs: 10,
    pauseMs: 0,
  });
  while (tasks.length < 4) await sleep(5);
  await sweep.close();
  assert.deepEqual(
    tasks.slice(0, 4).map(({ family }) => family),
    ['a', 'b', 'a', 'b'],
  );
  assert.ok(tasks.every(({ unlessWithinMs }) => unlessWithinMs === 10));
  const { length } = tasks;
  await sleep(30);
  assert.equal(tasks.length, length);
});

test('it stops at a failure and tries again the next time', async () => {
  const visited: string[] = [];
  const errors: unknown[] = [];
  let rounds = 0;
  const sweep = new Sweep({
    familyNames: () => {
      rounds += 1;
      if (rounds === 1) throw new Error('Redis is down');
      return families();
    },
    compact: async ({ family }) => {
      visited.push(family);
      return { ...DONE, failure: { reason: 'timeout', message: 'Redis did not answer in time' } };
    },
    onResult: () => {},
    onError: (error) => errors.push(error),
    yieldMs: 1000,
    intervalMs: 5,
    pauseMs: 0,
  });
  while (rounds < 3) await sleep(5);
  await sweep.close();
  assert.equal(errors.length, 1);
  assert.ok(visited.every((family) => family === 'a'));
});
