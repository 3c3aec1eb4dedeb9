import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import express from 'express';
import { Listener } from '../../src/server/listener.ts';
import { adoptMessageClasses } from '../../src/server/message-classes.ts';

test('requests and responses have what Express gives them, and keep their prototypes', async () => {
  const app = express();
  const seen: object[] = [];
  app.get('/', (req, res) => {
    seen.push(Object.getPrototypeOf(req), Object.getPrototypeOf(res));
    assert.ok(req instanceof IncomingMessage && res instanceof ServerResponse);
    res.json({ secure: req.secure, host: req.hostname, app: req.app === app && res.app === app });
  });
  const messages = adoptMessageClasses(app);
  const before: object[] = [];
  const listener = await Listener.open(
    { host: '127.0.0.1', port: 0, tls: undefined, messages, onError: assert.ifError },
    (req, res) => {
      before.push(Object.getPrototypeOf(req), Object.getPrototypeOf(res));
      app(req, res);
    },
  );
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`http://127.0.0.1:${listener.port}/`);
    assert.deepEqual(await answer.json(), { secure: false, host: '127.0.0.1', app: true });
  }
  assert.equal(before.length, 4);
  for (const [i, prototype] of before.entries()) assert.equal(prototype, seen[i]);
  assert.deepEqual(new Set(before).size, 2);
  await listener.close(0);
});
