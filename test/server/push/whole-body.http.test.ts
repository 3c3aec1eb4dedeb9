import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Turns } from '../../../src/server/admission.ts';
import { sendText } from '../../../src/server/answer.ts';
import { toProblem } from '../../../src/server/errors.ts';
import { BodySource } from '../../../src/server/ingest/body-source.ts';
import { contentEncoding } from '../../../src/server/middleware/content-encoding.ts';
import { ByteBudget } from '../../../src/server/push/byte-budget.ts';
import { pushParts } from '../../../src/server/push/push-parts.ts';
import { collectBody } from '../../../src/server/push/whole-body.ts';
import { KIB } from '../../../src/units.ts';
import { RawConnection } from '../raw-http.ts';

const MAX_BYTES = 100 * KIB;

/** Answers with the length of a body, and those of a multipart one with the lengths of its parts. */
class BodyServer implements AsyncDisposable {
  readonly turns = new Turns({ limit: 4 });
  readonly budget = new ByteBudget(10 * MAX_BYTES);
  readonly #server = createServer(async (req, res) => {
    await this.turns.take();
    const source = new BodySource(req, { turns: this.turns, minBytesPerSecond: 0, onBytes: () => {} });
    const encoding = contentEncoding(req.headers);
    const options = { maxBytes: MAX_BYTES, budget: this.budget };
    const contentType = req.headers['content-type'];
    try {
      if (contentType === undefined) {
        const length = req.headers['content-length'];
        const contentLength = length === undefined ? undefined : Number(length);
        const body = await collectBody(source, { ...options, encoding, contentLength });
        await sendText(req, res, 200, `${body.byteLength} bytes`);
        return;
      }
      const results: string[] = [];
      for await (const part of pushParts(source, { contentType, encoding })) {
        const result = await collectBody(part.stream, {
          ...options,
          encoding: contentEncoding(part.headers),
        }).then(
          (body) => String(body.byteLength),
          (error) => String(toProblem(error).status),
        );
        results.push(`${part.path}=${result}`);
      }
      await sendText(req, res, 200, results.join(' '));
    } catch (error) {
      const { status, message, headers } = toProblem(error);
      await sendText(req, res, status, message, headers);
    }
  });

  async start(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.deepEqual([this.turns.held, this.turns.parked, this.budget.used], [0, 0, 0]);
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

test('a whole body is answered and the connection stays', async () => {
  await using server = await new BodyServer().start();
  using client = await RawConnection.open(server.port);
  for (const body of ['', 'a 1\n', 'a 1\n'.repeat(20_000)]) {
    client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await client.until(new RegExp(`\\r\\n${body.length} bytes\\n$`));
  }
  assert.equal(client.closed, false);
});

test('a body that is too long is answered with 413, before, while and after it comes', async () => {
  await using server = await new BodyServer().start();
  const expected =
    /^HTTP\/1\.1 413 [\s\S]*the body has more than 102400 bytes \(push\.max_body_bytes\); \/ingest/;
  using declared = await RawConnection.open(server.port);
  declared.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 102401\r\n\r\n');
  await declared.until(expected);
  await declared.untilClosed();

  using chunked = await RawConnection.open(server.port);
  chunked.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  chunked.send(`20000\r\n${'a'.repeat(0x20000)}\r\n`);
  await chunked.until(expected);
  await chunked.untilClosed();

  const bomb = gzipSync(Buffer.alloc(20_000_000));
  const answer = await fetch(server.url, {
    method: 'PUT',
    body: new Uint8Array(bomb),
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(answer.status, 413);
  assert.match(await answer.text(), /push\.max_body_bytes/);
});

test('a torn body is answered with 400', async () => {
  await using server = await new BodyServer().start();
  const torn = gzipSync('a 1\n'.repeat(1_000)).subarray(0, 30);
  const answer = await fetch(server.url, {
    method: 'PUT',
    body: new Uint8Array(torn),
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(answer.status, 400);
  assert.equal(await answer.text(), 'the body is not whole or not gzip: unexpected end of file\n');
});

test('a part that is too long, or torn, leaves the other parts as they are', async () => {
  await using server = await new BodyServer().start();
  const part = (name: string, data: Buffer, more = ''): Buffer =>
    Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="${name}"\r\n${more}\r\n`),
      data,
      Buffer.from('\r\n'),
    ]);
  const gzip = 'Content-Encoding: gzip\r\n';
  const body = Buffer.concat([
    part('job/a', Buffer.alloc(10, 'a')),
    part('job/long', Buffer.alloc(MAX_BYTES + 1, 'a')),
    part('job/b', gzipSync(Buffer.alloc(20)), gzip),
    part('job/bomb', gzipSync(Buffer.alloc(10 * MAX_BYTES)), gzip),
    part('job/torn', gzipSync(Buffer.alloc(20)).subarray(0, 12), gzip),
    part('job/c', Buffer.alloc(MAX_BYTES, 'a')),
    Buffer.from('--b--\r\n'),
  ]);
  for (const size of [1_000, 1_000_000]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
    const answer = await fetch(server.url, {
      method: 'POST',
      body: Readable.toWeb(Readable.from(chunks)),
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      duplex: 'half',
    } as unknown as RequestInit);
    assert.equal(
      await answer.text(),
      'job/a=10 job/long=413 job/b=20 job/bomb=413 job/torn=400 job/c=102400\n',
    );
  }
});

test('a sender that goes holds nothing', async () => {
  await using server = await new BodyServer().start();
  for (const head of ['', 'Content-Encoding: gzip\r\n', 'Content-Type: multipart/mixed; boundary=b\r\n']) {
    using client = await RawConnection.open(server.port);
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${head}Content-Length: 1000\r\n\r\n--b\r\n`);
    while (server.turns.held === 0) await new Promise(setImmediate);
    client.socket.destroy();
    while (server.turns.held + server.turns.parked + server.budget.used > 0) await new Promise(setImmediate);
  }
});
