import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogThrottle } from '../../src/server/log-throttle.ts';

test('one of a kind passes in a while, and says how many it stands for', async () => {
  const throttle = new LogThrottle(20);
  assert.equal(throttle.pass('a'), 0);
  assert.equal(throttle.pass('a'), undefined);
  assert.equal(throttle.pass('a'), undefined);
  assert.equal(throttle.pass('b'), 0);
  await sleep(25);
  assert.equal(throttle.pass('a'), 2);
  assert.equal(throttle.pass('a'), undefined);
});
