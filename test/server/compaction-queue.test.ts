import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompactionQueue, type CompactionQueueOptions } from '../../src/server/compaction-queue.ts';
import type { CompactResult, CompactTask } from '../../src/workers/messages.ts';

const DONE: CompactResult = { kind: 'compact', blocksRemoved: 1, blocksRewritten: 0 };
const HOUR = 3_600_000;

/** A pool that finishes a task, the oldest, when told to. */
function setUp(overrides: Partial<CompactionQueueOptions> = {}) {
  const begun: string[] = [];
  const results: CompactResult[] = [];
  const errors: unknown[] = [];
  const underWay: Array<{ resolve(result: CompactResult): void; reject(error: Error): void }> = [];
  const queue = new CompactionQueue({
    compact: ({ family }: CompactTask) => {
      begun.push(family);
      return new Promise((resolve, reject) => underWay.push({ resolve, reject }));
    },
    onResult: (result) => results.push(result),
    onError: (error) => errors.push(error),
    patienceMs: HOUR,
    ...overrides,
  });
  const end = async (outcome: CompactResult | Error = DONE): Promise<void> => {
    const task = underWay.shift();
    if (outcome instanceof Error) task?.reject(outcome);
    else task?.resolve(outcome);
    await nextTurn();
  };
  const ended: string[] = [];
  /** Asks for families, and notes when that has ended. */
  const add = (...families: string[]): void => {
    void queue.add(families).then(() => ended.push(families.join(' ')));
  };
  return { queue, begun, results, errors, end, add, ended };
}

test('families are compacted one at a time, each once, in order', async () => {
  const { queue, begun, results, end, add } = setUp();
  add('a', 'b', 'a');
  add('b', 'c');
  await nextTurn();
  assert.deepEqual(begun, ['a']);
  assert.equal(queue.length, 2);
  await end();
  await end();
  await end();
  assert.deepEqual(begun, ['a', 'b', 'c']);
  assert.equal(results.length, 3);
  add('a');
  assert.deepEqual(begun, ['a', 'b', 'c', 'a']);
});

test('as many at once as it is told, and never two of one family', async () => {
  const { begun, end, add } = setUp({ concurrency: 2 });
  add('a');
  add('a', 'b', 'c');
  assert.deepEqual(begun, ['a', 'b']);
  await end();
  assert.deepEqual(begun, ['a', 'b', 'a']);
  await end();
  assert.deepEqual(begun, ['a', 'b', 'a', 'c']);
});

test('who asks is told when all that he has asked for has ended', async () => {
  const { end, add, ended } = setUp();
  add('a', 'b');
  add('b');
  add();
  await nextTurn();
  assert.deepEqual(ended, ['']);
  await end();
  assert.deepEqual(ended, ['']);
  await end();
  assert.deepEqual(ended.sort(), ['', 'a b', 'b']);
});

test('a family that is asked for while it is compacted is compacted once more, for all who ask meanwhile', async () => {
  const { begun, end, add, ended } = setUp();
  add('a');
  add('a', 'b');
  add('a');
  await end();
  assert.deepEqual(ended, ['a']);
  assert.deepEqual(begun, ['a', 'a']);
  await end();
  assert.deepEqual(ended, ['a', 'a']);
  await end();
  assert.deepEqual(begun, ['a', 'a', 'b']);
  assert.deepEqual(ended, ['a', 'a', 'a b']);
});

test('one that another gateway compacts is looked at again, others first', async () => {
  const { queue, begun, results, end, add, ended } = setUp({ retryMs: 1 });
  add('a', 'b');
  await end({ ...DONE, isBusy: true });
  add('a');
  assert.deepEqual(begun, ['a', 'b']);
  assert.equal(queue.length, 1);
  await end();
  while (begun.length < 3) await nextTurn();
  assert.deepEqual(begun, ['a', 'b', 'a']);
  assert.deepEqual(ended, []);
  await end();
  assert.deepEqual(ended.sort(), ['a', 'a b']);
  assert.equal(results.length, 2);
  assert.equal(queue.length, 0);
});

test('one that is asked for while it turns out that another gateway compacts it is looked at again for all', async () => {
  const { begun, end, add, ended } = setUp({ retryMs: 1 });
  add('a');
  add('a');
  await end({ ...DONE, isBusy: true });
  while (begun.length < 2) await nextTurn();
  await end();
  assert.deepEqual(begun, ['a', 'a']);
  assert.deepEqual(ended, ['a', 'a']);
});

test('nobody waits for longer than he is to; the compaction still comes', async () => {
  const { begun, end, add, ended } = setUp({ patienceMs: 1 });
  add('a', 'b');
  while (ended.length === 0) await nextTurn();
  assert.deepEqual(begun, ['a']);
  await end();
  assert.deepEqual(begun, ['a', 'b']);
  await end();
});

test('when there are too many the oldest is forgotten, and who waits for it is told', async () => {
  const { queue, begun, end, add, ended } = setUp({ maxFamilies: 2 });
  add('now');
  add('a');
  add('b', 'c');
  await nextTurn();
  assert.deepEqual(ended, ['a']);
  assert.equal(queue.length, 2);
  await end();
  await end();
  await end();
  assert.deepEqual(begun, ['now', 'b', 'c']);
});

test('one that fails does not hold up the others, nor who waits for it', async () => {
  const { begun, errors, end, add, ended } = setUp();
  add('a');
  add('b');
  await end(new Error('the thread broke'));
  assert.deepEqual(begun, ['a', 'b']);
  assert.equal(errors.length, 1);
  assert.deepEqual(ended, ['a']);
  await end({ ...DONE, failure: { reason: 'timeout', message: 'Redis did not answer in time' } });
  assert.deepEqual(ended, ['a', 'b']);
});

test('closing waits for the one under way and forgets the others, whose senders are told', async () => {
  const { queue, begun, end, add, ended } = setUp();
  add('a');
  add('b');
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await nextTurn();
  assert.equal(closed, false);
  assert.deepEqual(ended, ['b']);
  await end();
  await closing;
  assert.deepEqual(ended, ['b', 'a']);
  await queue.add(['c']);
  assert.deepEqual(begun, ['a']);
});
