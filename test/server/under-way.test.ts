import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UnderWay } from '../../src/server/under-way.ts';
import { MINUTE } from '../../src/units.ts';

test('who gives way goes on when the last one has ended', async () => {
  const pushes = new UnderWay();
  pushes.begin();
  pushes.begin();
  let resumed = 0;
  const waiting = [1, 2].map(() => pushes.whenNone(MINUTE).then(() => resumed++));
  pushes.end();
  await nextTurn();
  assert.equal(pushes.any, true);
  assert.equal(resumed, 0);
  pushes.end();
  await Promise.all(waiting);
  assert.equal(pushes.any, false);
});

test('nobody is waited for who has ended already, or for longer than was said', async () => {
  const pushes = new UnderWay();
  await pushes.whenNone(MINUTE);
  pushes.begin();
  await pushes.whenNone(1);
  assert.equal(pushes.any, true);
});
