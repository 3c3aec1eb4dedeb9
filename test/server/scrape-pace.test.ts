import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScrapePace } from '../../src/server/scrape-pace.ts';
import { UnderWay } from '../../src/server/under-way.ts';

/** Nothing ends while it is waited for, and waiting takes no time but by the clock of the test. */
class Endless extends UnderWay {
  readonly waits: number[] = [];
  readonly #pass: (ms: number) => void;

  constructor(pass: (ms: number) => void) {
    super();
    this.#pass = pass;
  }

  override whenNone(ms: number): Promise<void> {
    this.waits.push(ms);
    this.#pass(ms);
    return Promise.resolve();
  }
}

function start() {
  let now = 1000;
  const pushes = new Endless((ms) => {
    now += ms;
  });
  const pace = new ScrapePace(pushes, () => now);
  const work = (ms: number): void => {
    now += ms;
  };
  return { pushes, pace, work };
}

test('without pushes a scrape lends its turn after a while, and waits for nobody', async () => {
  const { pushes, pace, work } = start();
  assert.equal(pace.isTime, false);
  work(0.6);
  assert.equal(pace.isTime, true);
  await pace.rest();
  assert.equal(pace.isTime, false);
  assert.deepEqual(pushes.waits, []);
});

test('while pushes are stored it rests, for as long as it has worked, and at once only if it has', async () => {
  const { pushes, pace, work } = start();
  pushes.begin();
  assert.equal(pace.isTime, false);
  work(3);
  assert.equal(pace.isTime, true);
  await pace.rest();
  // It has used up what it had: under pushes without end it gets on all the same.
  work(0.4);
  assert.equal(pace.isTime, false);
  work(0.2);
  await pace.rest();
  work(0.4);
  assert.equal(pace.isTime, true);
  await pace.rest();
  assert.deepEqual(pushes.waits.map(Math.round), [3, 1]);
});

test('however long it was undisturbed, it does not rest for long', async () => {
  const { pushes, pace, work } = start();
  for (let i = 0; i < 100; i++) {
    work(1);
    await pace.rest();
  }
  pushes.begin();
  await pace.rest();
  assert.deepEqual(pushes.waits, [20]);
});
