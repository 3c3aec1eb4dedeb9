import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { ByteBudget, type ByteShare } from '../../../src/server/push/byte-budget.ts';

/** Takes, and says whether it has it. */
function take(share: ByteShare, bytes: number): { has: boolean } {
  const state = { has: true };
  const wait = share.take(bytes);
  if (wait !== undefined) {
    state.has = false;
    wait.then(
      () => {
        state.has = true;
      },
      () => {},
    );
  }
  return state;
}

test('who fits does not wait, and what is released is there for others', async () => {
  const budget = new ByteBudget(100);
  const [a, b] = [budget.share(), budget.share()];
  assert.equal(a.take(60), undefined);
  assert.equal(b.take(40), undefined);
  assert.deepEqual([budget.used, a.held, b.held], [100, 60, 40]);
  const more = take(b, 1);
  await nextTurn();
  assert.deepEqual([more.has, budget.waiting, b.wants], [false, 1, 1]);
  a.release();
  await nextTurn();
  assert.deepEqual([more.has, budget.waiting, budget.used, b.held], [true, 0, 41, 41]);
  b.release();
  b.release();
  assert.equal(budget.used, 0);
});

test('the oldest goes on beyond the budget, and when it ends the next oldest does', async () => {
  const budget = new ByteBudget(100);
  const [a, b, c] = [budget.share(), budget.share(), budget.share()];
  for (const share of [a, b, c]) assert.equal(share.take(30), undefined);
  assert.equal(a.take(500), undefined);
  const [forB, forC] = [take(b, 200), take(c, 200)];
  await nextTurn();
  assert.deepEqual([forB.has, forC.has], [false, false]);
  a.release();
  await nextTurn();
  assert.deepEqual([forB.has, forC.has, budget.used], [true, false, 260]);
  b.release();
  await nextTurn();
  assert.deepEqual([forC.has, budget.used], [true, 230]);
});

test('an older one that waits is not overtaken by a younger one that would fit', async () => {
  const budget = new ByteBudget(100);
  const [a, b, c] = [budget.share(), budget.share(), budget.share()];
  assert.equal(a.take(50), undefined);
  const forB = take(b, 60);
  const forC = take(c, 10);
  await nextTurn();
  assert.deepEqual([forB.has, forC.has], [false, false]);
  a.release();
  await nextTurn();
  assert.deepEqual([forB.has, forC.has, budget.used], [true, true, 70]);
});

test('one that stops waiting lets those behind it go on', async () => {
  const budget = new ByteBudget(100);
  const [a, b, c] = [budget.share(), budget.share(), budget.share()];
  assert.equal(a.take(50), undefined);
  const stop = new AbortController();
  const waits = b.take(60, stop.signal);
  const forC = take(c, 10);
  const reason = new Error('gone');
  stop.abort(reason);
  await assert.rejects(waits as Promise<void>, reason);
  await nextTurn();
  assert.deepEqual([forC.has, budget.used, budget.waiting, b.held], [true, 60, 0, 0]);
  assert.equal(b.take(40), undefined);
});

test('a share that is released while it waits gets nothing', async () => {
  const budget = new ByteBudget(10);
  const [a, b] = [budget.share(), budget.share()];
  assert.equal(a.take(10), undefined);
  const waits = b.take(5) as Promise<void>;
  b.release();
  await assert.rejects(waits, /released/);
  assert.deepEqual([budget.used, budget.waiting], [10, 0]);
  assert.throws(() => b.take(1), /released/);
});

test('a signal that is aborted before is met only by who would wait', async () => {
  const budget = new ByteBudget(10);
  const [a, b] = [budget.share(), budget.share()];
  const signal = AbortSignal.abort(new Error('gone'));
  assert.equal(a.take(10, signal), undefined);
  await assert.rejects(b.take(5, signal) as Promise<void>, /gone/);
  assert.equal(budget.waiting, 0);
});

test('any bodies in any order all end, within the budget and one of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }), { minLength: 1, maxLength: 12 }),
      fc.scheduler(),
      async (bodies, scheduler) => {
        const total = 100;
        const budget = new ByteBudget(total);
        const largest = Math.max(...bodies.map((chunks) => chunks.reduce((sum, bytes) => sum + bytes, 0)));
        let ended = 0;
        const collect = async (chunks: readonly number[]): Promise<void> => {
          const share = budget.share();
          for (const bytes of chunks) {
            await scheduler.schedule(Promise.resolve());
            await share.take(bytes);
            assert.ok(budget.used <= total + largest, `${budget.used} in use`);
          }
          await scheduler.schedule(Promise.resolve());
          share.release();
          ended += 1;
        };
        const all = bodies.map(collect);
        // A deadlock would be that nothing is left to schedule while some have not ended.
        for (let idle = 0; ended < all.length && idle < 5; ) {
          if (scheduler.count() > 0) await scheduler.waitOne();
          else {
            idle += 1;
            await nextTurn();
            if (scheduler.count() > 0) idle = 0;
          }
        }
        assert.deepEqual([ended, budget.used, budget.waiting], [bodies.length, 0, 0]);
      },
    ),
    { numRuns: 200 },
  );
});
