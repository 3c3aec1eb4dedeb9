import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendText } from '../../src/server/answer.ts';
import { MIB } from '../../src/units.ts';
import { RawConnection } from './raw-http.ts';

async function serve(handle: RequestListener): Promise<AsyncDisposable & { port: number }> {
  const server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const refuse: RequestListener = (req, res) => void sendText(req, res, 503, 'not now');

test('a small body that nobody read does not cost the connection', async () => {
  await using server = await serve(refuse);
  using client = await RawConnection.open(server.port);
  for (let i = 0; i < 3; i++) {
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n');
    await client.until(new RegExp(`(503[\\s\\S]*?not now\n[\\s\\S]*?){${i + 1}}`));
  }
  assert.doesNotMatch(client.received, /Connection: close/);
});

test('a body that was read in part does not hold up the next request', async () => {
  await using server = await serve((req, res) => {
    req.once('data', () => {
      req.pause();
      void sendText(req, res, 413, 'too much');
    });
  });
  using client = await RawConnection.open(server.port);
  const request = `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${'3\r\na 1\r\n'.repeat(100)}0\r\n\r\n`;
  for (let i = 0; i < 3; i++) {
    client.send(request);
    await client.until(new RegExp(`(413[\\s\\S]*?too much\n[\\s\\S]*?){${i + 1}}`));
  }
});

test('an endless body gets a whole answer, and then the connection is closed', async () => {
  await using server = await serve(refuse);
  using client = await RawConnection.open(server.port);
  client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const sending = setInterval(() => client.send(`3e8\r\n${'x'.repeat(1_000)}\r\n`), 5);
  try {
    await client.until(/503[\s\S]*Connection: close[\s\S]*not now\n$/);
    await client.untilClosed();
  } finally {
    clearInterval(sending);
  }
});

test('a client that sends its body before it looks still finds the answer', async () => {
  await using server = await serve(refuse);
  using client = await RawConnection.open(server.port);
  client.socket.pause();
  const body = 'x'.repeat(8 * MIB);
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  while (client.socket.writableLength > 0) await sleep(5);
  client.socket.resume();
  await client.until(/503[\s\S]*not now\n$/);
});

test('of an endless body that comes fast only so much is thrown away', async () => {
  let taken = 0;
  await using server = await serve((req, res) => {
    req.on('data', (chunk: Buffer) => {
      taken += chunk.length;
    });
    req.pause();
    refuse(req, res);
  });
  using client = await RawConnection.open(server.port);
  client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const piece = `100000\r\n${'x'.repeat(MIB)}\r\n`;
  const flood = (): void => {
    while (!client.closed && client.socket.writableLength < MIB) client.send(piece);
  };
  client.socket.on('drain', flood);
  flood();
  await client.untilClosed();
  assert.ok(taken < 32 * MIB, `${taken} bytes were read`);
});
