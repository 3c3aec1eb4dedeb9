import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '../../../src/server/admission.ts';
import { BodySource, type BodySourceOptions } from '../../../src/server/ingest/body-source.ts';
import { RawConnection } from '../raw-http.ts';

interface Exchange extends AsyncDisposable {
  readonly client: RawConnection;
  readonly source: BodySource;
  readonly turns: Turns;
  readonly res: ServerResponse;
  readonly bytes: () => number;
}

/** A request with a chunked body that a test sends piece by piece. */
async function exchange(options: Partial<BodySourceOptions> = {}): Promise<Exchange> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await RawConnection.open((server.address() as AddressInfo).port);
  const requested = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const [req, res] = await requested;
  const turns = options.turns ?? new Turns({ limit: 1 });
  await turns.take();
  let bytes = 0;
  const source = new BodySource(req, {
    turns,
    minBytesPerSecond: 0,
    onBytes: (count) => {
      bytes += count;
    },
    ...options,
  });
  return {
    client,
    source,
    turns,
    res,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      client.socket.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const LAST = '0\r\n\r\n';

async function collect(source: BodySource): Promise<string> {
  let text = '';
  for await (const piece of source) text += piece;
  return text;
}

test('it gives the body as it comes, counts it, and gives its turn back at the end', async () => {
  await using body = await exchange();
  const text = collect(body.source);
  body.client.send(chunk('a 1\n'));
  await sleep(20);
  body.client.send(chunk('b 2\n') + LAST);
  assert.equal(await text, 'a 1\nb 2\n');
  assert.equal(body.bytes(), 8);
  assert.equal(body.turns.held, 0);
});

test('destroying it leaves the connection for an answer', async () => {
  await using body = await exchange();
  body.client.send(chunk('a 1\n'));
  await once(body.source, 'readable');
  body.source.on('error', () => {});
  body.source.destroy(new Error('no more'));
  await new Promise((resolve) => body.source.on('close', resolve));
  assert.equal(body.turns.held, 0);
  body.res.end('half');
  await body.client.until(/200 OK[\s\S]*half/);
});

test('a client that goes before the end of its body ends it with an error', async () => {
  await using body = await exchange();
  body.client.send(chunk('a 1\n'));
  await once(body.source, 'readable');
  body.client.socket.destroy();
  await assert.rejects(collect(body.source), { code: 'ERR_CLIENT_GONE' });
  assert.equal(body.turns.held, 0);
});

test('nothing is read while nobody wants it', async () => {
  await using body = await exchange();
  body.source.on('error', () => {}).pause();
  for (let i = 0; i < 2_000; i++) body.client.send(chunk('x'.repeat(10_000)));
  await sleep(100);
  assert.ok(body.bytes() < 1_000_000, `${body.bytes()} bytes were taken`);
});

test('while its sender is silent its turn goes to others', async () => {
  await using body = await exchange();
  const text = collect(body.source);
  body.client.send(chunk('a 1\n'));
  await body.turns.take();
  assert.equal(body.turns.parked, 1);
  // Now the turn is taken: what comes has to wait.
  body.client.send(chunk('b 2\n') + LAST);
  while (body.turns.waiting === 0) await sleep(5);
  body.turns.give();
  assert.equal(await text, 'a 1\nb 2\n');
  assert.deepEqual([body.turns.held, body.turns.parked, body.turns.waiting], [0, 0, 0]);
});

test('a silent sender that comes back and gets no turn in time is told that the gateway is busy', async () => {
  await using body = await exchange({ turns: new Turns({ limit: 1, maxWaitMs: 20 }) });
  const text = collect(body.source);
  // Its turn was taken before the source began to wait: it holds until the sender falls silent.
  while (body.turns.parked === 0) await sleep(5);
  await body.turns.take();
  body.client.send(chunk('a 1\n'));
  await assert.rejects(text, { code: 'ERR_BUSY' });
  body.turns.give();
  assert.deepEqual([body.turns.held, body.turns.parked, body.turns.waiting], [0, 0, 0]);
});

test('a slow sender is cut off', async () => {
  await using body = await exchange({ minBytesPerSecond: 1_000, rateWindowMs: 100 });
  const text = collect(body.source);
  body.client.send(chunk('a 1\n'));
  await assert.rejects(text, { code: 'ERR_SLOW_BODY' });
});

test('a sender that has to wait for the gateway is not slow', async () => {
  await using body = await exchange({ minBytesPerSecond: 1_000, rateWindowMs: 50 });
  body.client.send(chunk('x'.repeat(100_000)) + LAST);
  await sleep(300);
  assert.equal((await collect(body.source)).length, 100_000);
});
