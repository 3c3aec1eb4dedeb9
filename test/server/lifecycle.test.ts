import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from '../../src/server/lifecycle.ts';

test('it goes forward only', () => {
  const lifecycle = new Lifecycle();
  assert.equal(lifecycle.state, 'starting');
  assert.equal(lifecycle.advance('ready'), true);
  assert.equal(lifecycle.draining, false);
  assert.equal(lifecycle.advance('draining'), true);
  assert.equal(lifecycle.draining, true);
  assert.equal(lifecycle.advance('ready'), false);
  assert.equal(lifecycle.state, 'draining');
  assert.equal(lifecycle.advance('stopped'), true);
  assert.equal(lifecycle.draining, true);
});
