import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompactionQueue } from '../../src/server/compaction-queue.ts';
import type { CompactResult, CompactTask } from '../../src/workers/messages.ts';

const DONE: CompactResult = { kind: 'compact', blocksRemoved: 1, blocksRewritten: 0 };

/** A pool that finishes a task when told to. */
function setUp(maxFamilies?: number) {
  const begun: string[] = [];
  const results: CompactResult[] = [];
  const errors: unknown[] = [];
  let finish: { resolve(result: CompactResult): void; reject(error: Error): void } | undefined;
  const queue = new CompactionQueue({
    compact: ({ family }: CompactTask) => {
      begun.push(family);
      return new Promise((resolve, reject) => {
        finish = { resolve, reject };
      });
    },
    onResult: (result) => results.push(result),
    onError: (error) => errors.push(error),
    ...(maxFamilies !== undefined && { maxFamilies }),
  });
  const end = async (error?: Error): Promise<void> => {
    if (error) finish?.reject(error);
    else finish?.resolve(DONE);
    await nextTurn();
  };
  return { queue, begun, results, errors, end };
}

test('families are compacted one at a time, each once, in order', async () => {
  const { queue, begun, results, end } = setUp();
  queue.add(['a', 'b', 'a']);
  queue.add(['b', 'c']);
  await nextTurn();
  assert.deepEqual(begun, ['a']);
  assert.equal(queue.length, 2);
  await end();
  await end();
  await end();
  assert.deepEqual(begun, ['a', 'b', 'c']);
  assert.equal(results.length, 3);
  queue.add(['a']);
  assert.deepEqual(begun, ['a', 'b', 'c', 'a']);
});

test('a family that asks again while it is compacted gets another turn', async () => {
  const { queue, begun, end } = setUp();
  queue.add(['a']);
  queue.add(['a']);
  await end();
  assert.deepEqual(begun, ['a', 'a']);
});

test('when there are too many the oldest is forgotten', async () => {
  const { queue, begun, end } = setUp(2);
  queue.add(['now']);
  queue.add(['a', 'b', 'c']);
  assert.equal(queue.length, 2);
  await end();
  await end();
  await end();
  assert.deepEqual(begun, ['now', 'b', 'c']);
});

test('one that fails does not hold up the others', async () => {
  const { queue, begun, errors, end } = setUp();
  queue.add(['a', 'b']);
  await end(new Error('the thread broke'));
  assert.deepEqual(begun, ['a', 'b']);
  assert.equal(errors.length, 1);
});

test('closing waits for the one under way and forgets the others', async () => {
  const { queue, begun, end } = setUp();
  queue.add(['a', 'b']);
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await nextTurn();
  assert.equal(closed, false);
  await end();
  await closing;
  queue.add(['c']);
  await nextTurn();
  assert.deepEqual(begun, ['a']);
});
