import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Intake } from '../../src/redis/connection/intake.ts';
import { slabPool } from '../../src/redis/connection/slab.ts';
import { type BatchSink, Wire } from '../../src/redis/connection/wire.ts';
import { connectionLost, type StoreError } from '../../src/redis/failure.ts';
import { FieldValues } from '../../src/redis/field-values.ts';
import { SECOND } from '../../src/units.ts';
import { RedisServer } from '../support/redis-server.ts';

interface Rig {
  readonly wire: Wire;
  readonly socket: Socket;
  readonly failures: StoreError[];
}

async function withWire(port: number, timeoutMs: number, use: (rig: Rig) => Promise<void>): Promise<void> {
  const { onread } = new Intake(slabPool(), (slab, from, to) => wire.receive(slab, from, to));
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
  await once(socket, 'connect');
  const failures: StoreError[] = [];
  const wire = new Wire(socket, timeoutMs, (error) => failures.push(error));
  try {
    await use({ wire, socket, failures });
  } finally {
    wire.close(connectionLost());
    socket.destroy();
  }
}

function bytes(...parts: Array<string | Buffer>): Buffer {
  const bulks = parts.map((part) => [`$${Buffer.byteLength(part)}\r\n`, part, '\r\n']);
  return Buffer.concat([`*${parts.length}\r\n`, ...bulks.flat()].map((part) => Buffer.from(part)));
}

/** A server that answers whatever it is sent with this. */
async function withAnswer(answer: string, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((socket) =>
    socket.on('error', () => {}).once('data', () => socket.write(answer)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test('requests that go together are answered in their order, errors and large answers too', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 5 * SECOND, async ({ wire, failures }) => {
    const large = Buffer.alloc(3_000_000, 'x');
    const set = wire.send(bytes('SET', 'large', large));
    const answers = await Promise.allSettled([
      ...Array.from({ length: 1000 }, (_, i) => wire.send(bytes('ECHO', String(i)))),
      wire.send(bytes('NOSUCH')),
      wire.send(bytes('GET', 'large')),
      wire.send(bytes('HSET', 'hash', 'field', large)),
    ]);
    assert.equal(String(await set), 'OK');
    for (let i = 0; i < 1000; i++)
      assert.deepEqual(answers[i], { status: 'fulfilled', value: Buffer.from(`${i}`) });
    const [wrong, got, added] = answers.slice(1000);
    assert.match(String(wrong.status === 'rejected' && wrong.reason), /^ReplyError: ERR unknown command/);
    assert.ok(got.status === 'fulfilled' && large.equals(got.value as Buffer));
    assert.deepEqual(added, { status: 'fulfilled', value: 1 });
    assert.equal(wire.pending, 0);

    // Only the strings of that one answer are taken.
    // A sink takes the answers to a batch, and no others.
    const taken: Buffer[][] = [];
    let strings: Buffer[] = [];
    const sink: BatchSink = {
      begin: () => {},
      bulk: ({ bytes }, from, to) => void strings.push(Buffer.from(bytes.subarray(from, to))),
      end: () => {
        taken.push(strings);
        strings = [];
      },
    };
    const batch = [
      bytes('HGETALL', 'hash'),
      bytes('HGET', 'hash', 'field'),
      bytes('HGET', 'hash', 'no'),
      bytes('HGETALL', 'no'),
    ];
    const broken = [bytes('HGETALL', 'large'), bytes('HGET', 'hash', 'field'), bytes('NOSUCH')];
    const [first, poured, refused, last] = await Promise.allSettled([
      wire.send(bytes('HGETALL', 'hash')),
      wire.send(Buffer.concat(batch), { sink, commands: batch.length }),
      wire.send(Buffer.concat(broken), { sink, commands: broken.length }),
      wire.send(bytes('HGETALL', 'hash')),
    ]);
    const whole = [Buffer.from('field'), large];
    assert.deepEqual(first, { status: 'fulfilled', value: whole });
    assert.equal(poured.status, 'fulfilled');
    assert.deepEqual(taken, [whole, [large], [], []]);
    assert.match(String(refused.status === 'rejected' && refused.reason), /^ReplyError: WRONGTYPE/);
    assert.deepEqual(last, { status: 'fulfilled', value: whole });
    assert.deepEqual(failures, []);
  });
});

test('fields that are not there are told among those that are', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 5 * SECOND, async ({ wire, failures }) => {
    const large = Buffer.alloc(3_000_000, 'x');
    await wire.send(bytes('HSET', 'hash', 'small', '1', 'large', large));
    const sink = new FieldValues();
    await wire.send(bytes('HMGET', 'hash', 'no', 'small', 'large', 'no', 'small'), { sink });
    const one = Buffer.from('1');
    assert.deepEqual(sink.values, [null, one, large, null, one]);
    sink.release();
    await wire.send(bytes('HMGET', 'nothing', 'a', 'b'), { sink });
    assert.deepEqual(sink.values, [null, null]);
    assert.deepEqual(failures, []);
  });
});

test('the first that is not answered in time has waited too long; those after it lose their connection', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 300, async ({ wire, failures }) => {
    // One that was answered does not count.
    await wire.send(bytes('PING'));
    const sentAt = performance.now();
    const blocked = wire.send(bytes('BLPOP', 'nothing', '5'));
    const behind = wire.send(bytes('PING'));
    const [first, second] = await Promise.allSettled([blocked, behind]);
    assert.ok(performance.now() - sentAt >= 299, 'not before its time');
    assert.equal(first.status === 'rejected' && first.reason.reason, 'timeout');
    assert.equal(second.status === 'rejected' && second.reason.reason, 'connection');
    assert.deepEqual(
      failures.map(({ reason }) => reason),
      ['timeout'],
    );
    await assert.rejects(wire.send(bytes('PING')), { reason: 'connection', unsent: true });
  });
});

test('a batch has its time from its turn on, as what is before it may be large; others have theirs from the beginning', async () => {
  await using redis = await RedisServer.start();
  const slow = bytes('BLPOP', 'nothing', '0.4');
  const sink: BatchSink = { begin: () => {}, bulk: () => {}, end: () => {} };
  for (const options of [{ sink }, {}]) {
    await withWire(redis.port, 600, async ({ wire }) => {
      const [first, second] = await Promise.allSettled([wire.send(slow), wire.send(slow, options)]);
      assert.equal(first.status, 'fulfilled');
      assert.equal(second.status, 'sink' in options ? 'fulfilled' : 'rejected');
    });
  }
});

test('an answer that came while the thread was busy has come in time', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 300, async ({ wire, failures }) => {
    const answered = wire.send(bytes('BLPOP', 'nothing', '0.1'));
    // Written now, not when this gives way.
    await new Promise((resolve) => process.nextTick(resolve));
    const until = performance.now() + 500;
    while (performance.now() < until);
    await answered;
    assert.deepEqual(failures, []);
  });
});

test('what is under way when it is closed fails, and nothing is sent afterwards', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 5 * SECOND, async ({ wire, failures }) => {
    const pending = [wire.send(bytes('BLPOP', 'nothing', '5')), wire.send(bytes('PING'))];
    wire.close(connectionLost());
    for (const request of pending) await assert.rejects(request, { reason: 'connection', unsent: false });
    await assert.rejects(wire.send(bytes('PING')), { reason: 'connection', unsent: true });
    assert.deepEqual(failures, []);
  });
});

test('a connection that has ended takes nothing', async () => {
  await using redis = await RedisServer.start();
  await withWire(redis.port, 5 * SECOND, async ({ wire, socket }) => {
    await wire.send(bytes('QUIT'));
    socket.resume();
    await once(socket, 'close');
    await assert.rejects(wire.send(bytes('PING')), { reason: 'connection', unsent: true });
  });
});

for (const [what, answer] of [
  ['what is no Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a server that says more than it was asked', '+PONG\r\n+PONG\r\n'],
]) {
  test(`${what} is not listened to`, async () => {
    await withAnswer(answer, async (port) => {
      await withWire(port, 5 * SECOND, async ({ wire, failures }) => {
        const asked = wire.send(bytes('PING'));
        if (answer.startsWith('+')) await asked;
        else await assert.rejects(asked, { reason: 'other' });
        while (failures.length === 0) await new Promise(setImmediate);
        assert.deepEqual(
          failures.map(({ reason }) => reason),
          ['other'],
        );
        await assert.rejects(wire.send(bytes('PING')), { unsent: true });
      });
    });
  });
}
