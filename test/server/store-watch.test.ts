import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../src/redis/failure.ts';
import { LogThrottle } from '../../src/server/log-throttle.ts';
import { createLogger } from '../../src/server/logger.ts';
import { StoreWatch } from '../../src/server/store-watch.ts';
import { Telemetry } from '../../src/server/telemetry.ts';
import { MINUTE } from '../../src/units.ts';

function watched(everyMs?: number) {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });
  const throttle = everyMs === undefined ? undefined : new LogThrottle(everyMs);
  const watch = new StoreWatch({ log, telemetry: new Telemetry('0'), ...(throttle && { throttle }) });
  const told = (): string[] => lines.map((line) => JSON.parse(line).reason ?? 'up');
  return { watch, told };
}

const gone = new StoreError('connection', 'the connection to Redis is down');
const refused = new StoreError('auth', 'Redis refuses the user name or password');

test('each reason is told once in a while, however often attempts fail', () => {
  const { watch, told } = watched();
  for (let attempt = 0; attempt < 5; attempt++) {
    watch.onDown(gone);
    watch.onDown(refused);
  }
  assert.deepEqual(told(), ['connection', 'auth']);
});

test('a Redis that comes and goes is not told of each time', () => {
  const { watch, told } = watched();
  for (let round = 0; round < 5; round++) {
    watch.onReady();
    watch.onDown(gone);
  }
  watch.onReady();
  watch.onReady();
  assert.deepEqual(told(), ['up', 'connection', 'up']);
});

test('one that stays away is told of again, with how often it was not', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const { watch, told } = watched(MINUTE);
  for (; now < 3 * MINUTE; now += MINUTE / 60) watch.onDown(gone);
  assert.deepEqual(told(), ['connection', 'connection', 'connection']);
});
