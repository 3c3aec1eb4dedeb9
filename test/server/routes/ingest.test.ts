import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { KIB, MIB, SECOND } from '../../../src/units.ts';
import { Gateway } from '../../support/gateway.ts';
import { until } from '../../support/processes.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { RawConnection } from '../raw-http.ts';

interface PushAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly accepted: number;
  readonly rejected: number;
  readonly errors: ReadonlyArray<{ line: number; message: string }>;
  readonly error?: string;
  readonly not_stored?: number;
}

let redis: RedisServer;
let gateway: Gateway;

before(async () => {
  redis = await RedisServer.start();
  gateway = await Gateway.ready({ redisPort: redis.port });
});

after(async () => {
  await gateway.stop();
  await redis.stop();
});

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream;

async function push(body: Body, init: RequestInit = {}, url = gateway.url): Promise<PushAnswer> {
  const streamed = body instanceof ReadableStream && { duplex: 'half' };
  const answer = await fetch(`${url}/ingest`, { method: 'POST', body, ...streamed, ...init } as RequestInit);
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  const text = await answer.text();
  assert.ok(text.endsWith('}\n'));
  return { status: answer.status, headers: answer.headers, ...JSON.parse(text) };
}

async function scrape(url = gateway.url): Promise<string> {
  const answer = await fetch(`${url}/metrics`);
  assert.equal(answer.status, 200);
  return answer.text();
}

async function telemetry(name: string, url = gateway.url): Promise<number> {
  const text = await (await fetch(`${url}/telemetry`)).text();
  const line = text.split('\n').find((line) => line.startsWith(`${name} `));
  assert.ok(line !== undefined, `no ${name} in the telemetry`);
  return Number(line.slice(name.length));
}

/** Resolves when nothing of any push is left in the gateway. */
async function untilIdle(url = gateway.url): Promise<void> {
  const deadline = Date.now() + 10 * SECOND;
  for (const name of ['pushgateway_ingest_bodies_in_flight', 'pushgateway_worker_tasks_in_flight']) {
    while ((await telemetry(name, url)) !== 0) {
      assert.ok(Date.now() < deadline, `${name} does not fall to 0`);
      await sleep(10);
    }
  }
}

/** Lines of one gauge, each a series of its own. */
function gauge(name: string, count: number, value: (i: number) => number | string = (i) => i): string {
  return Array.from({ length: count }, (_, i) => `${name}{i="${i}"} ${value(i)}\n`).join('');
}

test('samples are stored and counted, whatever the content type and the method', async () => {
  const answer = await push('# TYPE simple gauge\nsimple{x="1"} 1\nsimple{x="2"} 2\n');
  assert.equal(answer.status, 200);
  assert.deepEqual([answer.accepted, answer.rejected, answer.errors], [2, 0, []]);
  for (const type of [
    'application/x-www-form-urlencoded',
    'application/json',
    'multipart/form-data; boundary=x',
    'text/plain',
  ]) {
    const { status } = await push('simple{x="3"} 3\n', { headers: { 'content-type': type } });
    assert.equal(status, 200, type);
  }
  assert.equal((await push('simple{x="1"} 4\n', { method: 'PUT' })).status, 200);
  assert.match(await scrape(), /# TYPE simple gauge\nsimple\{x="1"\} 4\n/);
});

test('an empty body, and one of comments only, is nothing and no mistake', async () => {
  for (const body of ['', '\n\n\n', '# a comment\n', '# EOF\n']) {
    const { status, accepted, rejected } = await push(body);
    assert.deepEqual([status, accepted, rejected], [200, 0, 0], JSON.stringify(body));
  }
});

test('good lines are stored and bad ones reported with their numbers', async () => {
  const answer = await push('mixed{x="1"} 1\nmixed{x="2"\nmixed{x="3"} 3\n\n1mixed 4\n');
  assert.equal(answer.status, 400);
  assert.deepEqual([answer.accepted, answer.rejected], [2, 2]);
  assert.deepEqual(
    answer.errors.map(({ line }) => line),
    [2, 5],
  );
  assert.ok(answer.errors.every(({ message }) => message.length > 0));
  assert.equal(await telemetry('pushgateway_samples_rejected_total{reason="syntax"}'), 2);
});

test('lines are numbered over all blocks of a body, and the first twenty errors are told', async () => {
  // About 3 MiB: several blocks.
  const lines = gauge('numbered', 100_000).split('\n');
  const bad = Array.from({ length: 30 }, (_, i) => 1_000 + i * 3_000);
  for (const line of bad) lines[line - 1] = 'not a sample';
  const answer = await push(lines.join('\n'));
  assert.equal(answer.status, 400);
  assert.equal(answer.accepted, 100_000 - 30);
  assert.equal(answer.rejected, 30);
  assert.deepEqual(
    answer.errors.map(({ line }) => line),
    bad.slice(0, 20),
  );
});

test('of one series twice in a body the later line wins, also over many blocks', async () => {
  const body = gauge('twice', 40_000, () => 1) + gauge('twice', 40_000, (i) => i + 2);
  const answer = await push(body);
  assert.deepEqual([answer.status, answer.accepted], [200, 80_000]);
  const shown = (await scrape()).split('\n').filter((line) => line.startsWith('twice{'));
  assert.equal(shown.length, 40_000);
  assert.ok(
    shown.every(
      (line) =>
        /^twice\{i="(\d+)"\} (\d+)$/
          .exec(line)
          ?.slice(1)
          .map(Number)
          .reduce((i, v) => v - i) === 2,
    ),
  );
});

test('a body in chunks of any size is the same body', async () => {
  const body = Buffer.from(gauge('chunked', 50));
  const pieces = Array.from(body, (byte) => Uint8Array.of(byte));
  const answer = await push(Readable.toWeb(Readable.from(pieces)) as ReadableStream);
  assert.deepEqual([answer.status, answer.accepted], [200, 50]);
});

test('gzip is taken, by any spelling of its name and in several members', async () => {
  const one = gzipSync(gauge('zipped', 10));
  const two = gzipSync(gauge('zipped2', 10));
  for (const coding of ['gzip', 'GZIP', 'x-gzip', 'gzip, identity']) {
    const answer = await push(Buffer.concat([one, two]), { headers: { 'content-encoding': coding } });
    assert.deepEqual([answer.status, answer.accepted], [200, 20], coding);
  }
  assert.equal((await push('zipped 1\n', { headers: { 'content-encoding': 'identity' } })).status, 200);
});

test('gzip that is not whole or not gzip is 400 and says how many samples were stored', async () => {
  const whole = gzipSync(gauge('torn', 200_000));
  const headers = { 'content-encoding': 'gzip' };
  const torn = await push(whole.subarray(0, whole.length - 100), { headers });
  assert.equal(torn.status, 400);
  assert.match(torn.error ?? '', /not whole or not gzip/);
  const stored = (await scrape()).split('\n').filter((line) => line.startsWith('torn{')).length;
  assert.equal(torn.accepted, stored);
  assert.ok(stored > 0 && stored < 200_000, `${stored} stored`);

  const plain = await push('plain 1\n', { headers });
  assert.deepEqual([plain.status, plain.accepted], [400, 0]);
  const garbage = await push(Buffer.concat([gzipSync('fine 1\n'), Buffer.from('garbage')]), { headers });
  assert.equal(garbage.status, 400);
  await untilIdle();
});

test('another encoding is 415, before the body is read', async () => {
  using client = await RawConnection.open(gateway.port);
  client.send(
    'POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  await client.until(
    / 415 [\s\S]*Accept-Encoding: gzip, deflate, snappy, (zstd, )?identity[\s\S]*"accepted":0[\s\S]*}\n$/,
  );
  await client.untilClosed();
});

test('who asks before sending a body gets the answer without having to send it', async () => {
  using client = await RawConnection.open(gateway.port);
  const head = 'POST /ingest HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n';
  client.send(`${head}Content-Encoding: br\r\n\r\n`);
  await client.until(/^HTTP\/1\.1 415 /);

  using other = await RawConnection.open(gateway.port);
  other.send(`${head}\r\n`);
  await other.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  other.send('a 1\n');
  await other.until(/HTTP\/1\.1 200 OK[\s\S]*"accepted":1/);
});

test('a connection is kept for the next push', async () => {
  using client = await RawConnection.open(gateway.port);
  for (let i = 1; i <= 3; i++) {
    client.send('POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n');
    await client.until(new RegExp(`(200 OK[\\s\\S]*?"accepted":1[\\s\\S]*?}\n[\\s\\S]*?){${i}}`));
  }
});

test('a line that is too long is 413, and what came before it is counted', async () => {
  const before = gauge('before_long', 60_000);
  const answer = await push(`${before}long{x="${'x'.repeat(300 * KIB)}"} 1\nafter_long 1\n`);
  assert.equal(answer.status, 413);
  assert.match(answer.error ?? '', /line/);
  const stored = (await scrape()).split('\n').filter((line) => line.startsWith('before_long{')).length;
  assert.equal(answer.accepted, stored);
});

test('a line without an end is not waited for', async () => {
  const zeros = gzipSync(Buffer.alloc(64 * MIB));
  const answer = await push(zeros, { headers: { 'content-encoding': 'gzip' } });
  assert.equal(answer.status, 413);
});

test('a client that leaves midway leaves nothing running', async () => {
  for (let i = 0; i < 5; i++) {
    using client = await RawConnection.open(gateway.port);
    client.send('POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n');
    client.send(gauge('left', 20_000 * (i + 1)));
    await sleep(20 * i);
  }
  await untilIdle();
  assert.equal((await push('a 1\n')).status, 200);
});

test('a body that ends before its announced length stores what it stores and answers nobody', async () => {
  using client = await RawConnection.open(gateway.port);
  client.send('POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nshort 1\n');
  client.socket.end();
  await client.untilClosed();
  assert.doesNotMatch(client.received, /200/);
  await untilIdle();
});

test('more bodies at once than are taken wait for their turn, and none is lost', async () => {
  await using small = await Gateway.ready({
    redisPort: redis.port,
    args: ['--ingest.max-concurrent=2', '--workers=1', '--redis.key-prefix=small:'],
  });
  const pushes = Array.from({ length: 30 }, (_, i) => push(gauge(`waiting_${i}`, 2_000), {}, small.url));
  for (const { status, accepted } of await Promise.all(pushes))
    assert.deepEqual([status, accepted], [200, 2_000]);
  assert.equal(await telemetry('pushgateway_samples_accepted_total', small.url), 60_000);
});

test('senders that fall silent keep nobody out', async () => {
  await using small = await Gateway.ready({ redisPort: redis.port, args: ['--ingest.max-concurrent=2'] });
  const silent = await Promise.all(Array.from({ length: 10 }, () => RawConnection.open(small.port)));
  for (const client of silent)
    client.send('POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\na 1\n');
  const { status } = await push('b 1\n', {}, small.url);
  assert.equal(status, 200);
  for (const client of silent) client.send('c 1\n');
  for (const client of silent) await client.until(/200 OK[\s\S]*"accepted":2/);
  for (const client of silent) client.socket.destroy();
});

test('when Redis dies midway the answer is 503 with what was stored, and the endless rest is not read', async () => {
  await using mortal = await RedisServer.start();
  await using victim = await Gateway.ready({ redisPort: mortal.port, args: ['--redis.timeout=500ms'] });
  using client = await RawConnection.open(victim.port);
  client.send('POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  let n = 0;
  const sending = setInterval(() => {
    if (client.socket.writableLength > 4 * MIB) return;
    const text = gauge(`endless_${n++}`, 5_000);
    client.send(`${text.length.toString(16)}\r\n${text}\r\n`);
  }, 5);
  try {
    while ((await telemetry('pushgateway_samples_accepted_total', victim.url)) === 0) await sleep(10);
    await mortal.kill('SIGKILL');
    await client.until(/ 503 [\s\S]*Retry-After: 1[\s\S]*}\n$/);
    await client.untilClosed();
  } finally {
    clearInterval(sending);
  }
  const answer = JSON.parse(client.received.slice(client.received.indexOf('{'))) as PushAnswer;
  assert.equal(answer.accepted, await telemetry('pushgateway_samples_accepted_total', victim.url));
  assert.ok((answer.error ?? '').length > 0);
  await untilIdle(victim.url);
  await victim.whenNotReady();

  await mortal.restart();
  await victim.whenReady();
  // With a timeout this short a thread may still be without its connection, whose attempts are a second apart.
  const storedAgain = async (): Promise<boolean> => (await push('again 1\n', {}, victim.url)).status === 200;
  await until(storedAgain, 5 * SECOND, 'pushes are stored again');
  assert.match(await scrape(victim.url), /^again 1$/m);
});

test('a Redis that does not answer is 503 too, and nothing is promised', async () => {
  await using stalled = await RedisServer.start();
  await using victim = await Gateway.ready({ redisPort: stalled.port, args: ['--redis.timeout=300ms'] });
  stalled.pause();
  try {
    const answer = await push('a 1\n', {}, victim.url);
    assert.equal(answer.status, 503);
    assert.equal(answer.accepted, 0);
    await victim.whenNotReady();
    assert.equal((await fetch(`${victim.url}/-/healthy`)).status, 200);
  } finally {
    stalled.resume();
  }
  await victim.whenReady();
  // A thread whose connection was refused its greeting begins its next attempt after a second.
  const stored = async (): Promise<boolean> => (await push('a 2\n', {}, victim.url)).status === 200;
  await until(stored, 5 * SECOND, 'pushes are stored again');
});

test('a slow Redis slows the sender down, and the gateway stays responsive', async () => {
  await using slow = await RedisServer.start();
  await using victim = await Gateway.ready({
    redisPort: slow.port,
    args: ['--redis.timeout=20s', '--workers=1'],
  });
  const body = gauge('pressed', 50_000);
  let sent = 0;
  const request = httpRequest(`${victim.url}/ingest`, { method: 'POST' });
  const answered = new Promise((resolve, reject) => {
    request.on('response', (res) => resolve(res.resume().statusCode)).on('error', reject);
  });
  slow.pause();
  try {
    // Writes as long as somebody takes it: what is in flight is bounded by the window, not by the sender.
    while (sent < 400 * MIB) {
      sent += body.length;
      if (request.write(body)) continue;
      const drained = await Promise.race([
        new Promise((resolve) => request.once('drain', () => resolve(true))),
        sleep(1_000, false),
      ]);
      if (!drained) break;
    }
    assert.ok(sent < 100 * MIB, `${sent} bytes were taken`);
    assert.equal((await fetch(`${victim.url}/-/healthy`)).status, 200);
  } finally {
    slow.resume();
  }
  request.end();
  assert.equal(await answered, 200);
});
