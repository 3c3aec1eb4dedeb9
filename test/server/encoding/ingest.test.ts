import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as zlib from 'node:zlib';
import { compress } from 'snappyjs';
import { hasZstd } from '../../../src/server/encoding/zstd.ts';
import { MIB } from '../../../src/units.ts';
import { Gateway } from '../../support/gateway.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { RawConnection } from '../raw-http.ts';
import { snappyStream } from './snappy-stream.ts';

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

interface PushAnswer {
  readonly status: number;
  readonly accepted: number;
  readonly error?: string;
}

async function push(encoding: string, body: Buffer): Promise<PushAnswer> {
  const answer = await fetch(`${gateway.url}/ingest`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-encoding': encoding },
  });
  return { status: answer.status, ...((await answer.json()) as object) } as PushAnswer;
}

function gauge(name: string, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, i) => `${name}{i="${i}"} ${i}\n`).join(''));
}

const ENCODERS: ReadonlyArray<readonly [name: string, encoding: string, encode: (body: Buffer) => Buffer]> = [
  ['gzip', 'GZip', (body) => zlib.gzipSync(body)],
  ['deflate', 'Deflate', (body) => zlib.deflateSync(body)],
  ['raw deflate', 'deflate', (body) => zlib.deflateRawSync(body)],
  ['snappy frames', 'snappy', (body) => snappyStream(body)],
  ['a snappy block', 'Snappy', (body) => Buffer.from(compress(body))],
  ...(hasZstd
    ? ([
        ['zstd', 'zstd', (zlib as unknown as { zstdCompressSync(body: Buffer): Buffer }).zstdCompressSync],
      ] as const)
    : []),
];

for (const [name, encoding, encode] of ENCODERS) {
  const metric = name.replaceAll(' ', '_');

  test(`/ingest takes ${name}`, async () => {
    assert.deepEqual(await push(encoding, encode(gauge(metric, 100_000))), {
      status: 200,
      accepted: 100_000,
      rejected: 0,
      errors: [],
    });
    const shown = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.equal(shown.split('\n').filter((line) => line.startsWith(`${metric}{`)).length, 100_000);
  });

  test(`/ingest refuses ${name} that is cut off, is nothing, or is something else`, async () => {
    const whole = encode(gauge(`${metric}_torn`, 1_000));
    for (const body of [whole.subarray(0, whole.length - 3), Buffer.alloc(0), Buffer.from('plain 1\n')]) {
      const { status, error } = await push(encoding, body);
      assert.equal(status, 400, error);
      assert.match(error ?? '', new RegExp(`not whole or not ${encoding}`, 'i'));
    }
  });
}

test('identity that is really gzip is refused line by line', async () => {
  const { status, accepted } = await push('identity', zlib.gzipSync(gauge('not_text', 10)));
  assert.deepEqual([status, accepted], [400, 0]);
});

test('a zip bomb without a line end ends at the longest line', async () => {
  const bomb = zlib.gzipSync(Buffer.alloc(200 * MIB));
  const { status, accepted } = await push('gzip', bomb);
  assert.deepEqual([status, accepted], [413, 0]);
});

test('a snappy block that is too large is 413 and says what to send instead', async () => {
  const { status, error } = await push('snappy', Buffer.from(compress(Buffer.alloc(65 * MIB, 'a 1\n'))));
  assert.equal(status, 413);
  assert.match(error ?? '', /at most 67108864 bytes: send frames, or gzip/);
});

test('who goes on after the end of its deflate is answered and holds no turn', async () => {
  using client = await RawConnection.open(gateway.port);
  client.socket.write(
    'POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const body = Buffer.concat([zlib.deflateSync('after 1\n'), Buffer.alloc(1_000)]);
  client.socket.write(`${body.length.toString(16)}\r\n`);
  client.socket.write(body);
  client.socket.write('\r\n');
  await client.until(/ 400 [\s\S]*there are bytes after its end/);
  await client.untilClosed();
  const telemetry = await (await fetch(`${gateway.url}/telemetry`)).text();
  assert.match(telemetry, /^pushgateway_ingest_bodies_in_flight 0$/m);
});

test('two encodings, and zstd where Node has none, are 415', async () => {
  for (const encoding of ['gzip, snappy', 'br', ...(hasZstd ? [] : ['zstd'])]) {
    const { status, error } = await push(encoding, Buffer.from('a 1\n'));
    assert.equal(status, 415);
    assert.match(error ?? '', /send one of gzip, deflate, snappy, /);
  }
});
