import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../src/server/logger.ts';
import { Releases } from '../../src/server/releases.ts';

test('what was acquired last goes first, and one that fails or hangs does not hold up the others', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'logfmt' }, { write: (line) => void lines.push(line) });
  const released: string[] = [];
  const releases = new Releases(log, 10);
  releases.push('the first', async () => released.push('first'));
  releases.push('the stubborn', () => new Promise(() => {}));
  releases.push('the broken', () => Promise.reject(new Error('no')));
  releases.push('the last', async () => released.push('last'));
  await releases.run();
  assert.deepEqual(released, ['last', 'first']);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /msg="the broken could not be closed" err=no/);
  assert.match(lines[1] ?? '', /msg="the stubborn could not be closed" err="not within 10 ms"/);
  await releases.run();
  assert.equal(released.length, 2);
});
