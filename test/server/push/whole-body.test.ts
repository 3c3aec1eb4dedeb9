import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { compress } from 'snappyjs';
import { RequestError } from '../../../src/server/errors.ts';
import type { ContentEncoding } from '../../../src/server/middleware/content-encoding.ts';
import { ByteBudget } from '../../../src/server/push/byte-budget.ts';
import { collectBody, type WholeBodyOptions } from '../../../src/server/push/whole-body.ts';
import { KIB, MIB } from '../../../src/units.ts';

const OPTIONS = { encoding: 'identity', maxBytes: MIB } as const;

function chunks(body: Buffer, size: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) parts.push(body.subarray(at, at + size));
  return parts;
}

/** A body, and that nothing of it is left in the budget and the source. */
async function collect(
  source: Readable,
  options: Partial<WholeBodyOptions> & { budget?: ByteBudget } = {},
): Promise<Buffer> {
  const budget = options.budget ?? new ByteBudget(MIB);
  try {
    const body = await collectBody(source, { ...OPTIONS, ...options, budget });
    assert.equal(body.constructor, ArrayBuffer);
    return Buffer.from(body);
  } finally {
    assert.equal(budget.used, 0);
    assert.ok(source.readableEnded || source.destroyed);
  }
}

function code(expected: string, message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.code, expected);
    assert.match(error.message, message);
    return true;
  };
}

test('a body is one buffer of its size, however it is cut', async () => {
  const body = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
  for (const size of [1, 3, 1_000, 16 * KIB, 20_000, 50_000]) {
    const collected = await collect(Readable.from(chunks(body, size)));
    assert.equal(collected.buffer.byteLength, body.length);
    assert.ok(collected.equals(body), `in chunks of ${size}`);
  }
  assert.equal((await collect(Readable.from([]))).length, 0);
});

test('large and small chunks in turn keep their order', async () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 253));
  const sizes = [1, 80_000, 5, 17_000, 16_000, 90_000, 2, 3];
  const parts: Buffer[] = [];
  for (let at = 0, i = 0; at < body.length; i++) {
    const size = sizes[i % sizes.length] as number;
    parts.push(body.subarray(at, at + size));
    at += size;
  }
  assert.ok((await collect(Readable.from(parts))).equals(body));
});

const ENCODERS: ReadonlyArray<readonly [string, (body: Buffer) => Buffer]> = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate without a header', deflateRawSync],
  ['snappy', (body) => Buffer.from(compress(body))],
];

for (const [name, encode] of ENCODERS) {
  const encoding = name.split(' ')[0] as ContentEncoding;
  test(`${name} is decoded`, async () => {
    const body = Buffer.from('# TYPE a gauge\na 1\n'.repeat(10_000));
    const collected = await collect(Readable.from(chunks(encode(body), 1_000)), { encoding });
    assert.ok(collected.equals(body));
  });

  test(`${name} may decode to push.max_body_bytes and not to a byte more`, async () => {
    const body = encode(Buffer.alloc(100_000));
    assert.equal((await collect(Readable.from([body]), { encoding, maxBytes: 100_000 })).length, 100_000);
    const refused = collect(Readable.from([body]), { encoding, maxBytes: 99_999 });
    await assert.rejects(
      refused,
      code('ERR_BODY_TOO_LARGE', /99999 bytes \(push\.max_body_bytes\).*\/ingest/),
    );
  });

  test(`${name} that is cut off is refused`, async () => {
    const body = encode(Buffer.from('# TYPE a gauge\na 1\n'.repeat(1_000)));
    for (const length of [0, 1, 5, body.length - 1]) {
      const torn = collect(Readable.from(chunks(body.subarray(0, length), 7)), { encoding });
      await assert.rejects(torn, code('ERR_BAD_BODY', new RegExp(`not whole or not ${encoding}`)));
    }
  });
}

test('a body that is too long is refused where it becomes so, or by its Content-Length at once', async () => {
  let read = 0;
  const endless = new Readable({
    read() {
      read += 64 * KIB;
      this.push(Buffer.alloc(64 * KIB));
    },
  });
  await assert.rejects(collect(endless), code('ERR_BODY_TOO_LARGE', /1048576 bytes/));
  assert.ok(read < 2 * MIB);

  const unread = new Readable({ read: () => assert.fail('it is read') });
  await assert.rejects(collect(unread, { contentLength: MIB + 1 }), code('ERR_BODY_TOO_LARGE'));
  const whole = await collect(Readable.from([Buffer.alloc(MIB)]), { contentLength: MIB });
  assert.equal(whole.length, MIB);
});

test('what decodes to nothing for ever comes to an end', async () => {
  const skippable = Buffer.concat([
    Buffer.from('ff060000734e61507059', 'hex'),
    Buffer.from('feffff00', 'hex'),
  ]);
  const padding = Buffer.concat([Buffer.from('feffff00', 'hex'), Buffer.alloc(0xffff)]);
  async function* forever(): AsyncGenerator<Buffer> {
    yield Buffer.concat([skippable, Buffer.alloc(0xffff)]);
    while (true) yield padding;
  }
  await assert.rejects(
    collect(Readable.from(forever()), { encoding: 'snappy', maxBytes: 100 * KIB }),
    code('ERR_BODY_TOO_LARGE'),
  );
});

test('without budget the source is not read, until there is some', async () => {
  const budget = new ByteBudget(100 * KIB);
  const older = budget.share();
  assert.equal(older.take(90 * KIB), undefined);
  let read = 0;
  const source = new Readable({
    highWaterMark: 1,
    read() {
      read += 1;
      this.push(read <= 10 ? Buffer.alloc(10 * KIB) : null);
    },
  });
  const body = collectBody(source, { ...OPTIONS, budget });
  while (budget.waiting === 0) await nextTurn();
  const before = read;
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(read, before);
  assert.ok(read < 5, `${read} chunks are read`);
  older.release();
  assert.equal((await body).byteLength, 100 * KIB);
  assert.equal(budget.used, 0);
});

test('a sender that goes while its body waits for budget is not waited for', async () => {
  const budget = new ByteBudget(1);
  const older = budget.share();
  assert.equal(older.take(1), undefined);
  for (const encoding of ['identity', 'gzip', 'snappy'] as const) {
    const bytes = encoding === 'gzip' ? gzipSync('a 1\n') : Buffer.from('a 1\na 2\na 3\na 4\n');
    const source = new Readable({ read() {} });
    source.push(bytes);
    const share = budget.share();
    const body = collectBody(source, { ...OPTIONS, encoding, budget: share });
    while (budget.waiting === 0) await nextTurn();
    source.destroy(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
    await assert.rejects(body, code('ERR_CLIENT_GONE'));
    assert.equal(budget.waiting, 0);
  }
  assert.equal(budget.used, 1);
});

test('an aborted signal ends it with its reason, before, during and while it waits for budget', async () => {
  const early = new Readable({ read() {} });
  const reason = new Error('draining');
  await assert.rejects(collect(early, { signal: AbortSignal.abort(reason) }), reason);

  const during = new AbortController();
  const silent = new Readable({ read() {} });
  const body = collect(silent, { signal: during.signal });
  await nextTurn();
  during.abort(reason);
  await assert.rejects(body, reason);

  const budget = new ByteBudget(1);
  assert.equal(budget.share().take(1), undefined);
  const waiting = new AbortController();
  const waits = collectBody(Readable.from([Buffer.alloc(9)]), { ...OPTIONS, budget, signal: waiting.signal });
  while (budget.waiting === 0) await nextTurn();
  waiting.abort(reason);
  await assert.rejects(waits, reason);
  assert.equal(budget.used, 1);
});

test('a source that has failed already is its error', async () => {
  const source = new Readable({ read() {} });
  const gone = new RequestError('ERR_CLIENT_GONE', 'the client has gone');
  source.destroy(gone);
  await once(source, 'error');
  await assert.rejects(collect(source), gone);
});

test('a share that is given is left to the caller', async () => {
  const budget = new ByteBudget(MIB);
  const share = budget.share();
  await collectBody(Readable.from([Buffer.alloc(1_000)]), { ...OPTIONS, budget: share });
  assert.equal(budget.used, 1_000);
  share.release();
  assert.equal(budget.used, 0);
});
