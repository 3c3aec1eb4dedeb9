import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { RequestError } from '../../../src/server/errors.ts';
import { type PushPart, pushParts } from '../../../src/server/push/push-parts.ts';
import { KIB, MIB } from '../../../src/units.ts';

const FORM = 'multipart/form-data; boundary=xyz';
const OPTIONS = { contentType: FORM, encoding: 'identity' } as const;

interface Sent {
  readonly headers: string;
  readonly data: string | Buffer;
}

function multipart(parts: readonly Sent[], boundary = 'xyz'): Buffer {
  const pieces = parts.flatMap(({ headers, data }) => [
    Buffer.from(`--${boundary}\r\n${headers}\r\n\r\n`),
    Buffer.from(data),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

function field(name: string, data: string | Buffer, more = ''): Sent {
  return { headers: `Content-Disposition: form-data; name="${name}"${more}`, data };
}

function inChunks(body: Buffer, size = 64 * KIB): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
  return Readable.from(chunks, { objectMode: false });
}

/** Names and data of all parts. */
async function read(source: Readable, options: object = {}): Promise<Array<[name: string, data: string]>> {
  const parts: Array<[string, string]> = [];
  for await (const part of pushParts(source, { ...OPTIONS, ...options })) {
    parts.push([part.name, await text(part.stream)]);
  }
  assert.ok(source.destroyed);
  return parts;
}

async function one(name: string): Promise<PushPart> {
  for await (const part of pushParts(inChunks(multipart([field(name, '')])), OPTIONS)) return part;
  throw new Error('there is no part');
}

function refusal(message: RegExp, code = 'ERR_BAD_BODY'): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

test('parts come in their order with name and data, however the body is cut', async () => {
  const parts: Array<[string, string]> = [
    ['job/a', 'a 1\n'],
    ['job/b/x/y', '# TYPE b gauge\r\nb 1\r\n'],
    ['job/c', ''],
    ['job/d', '\r\n--xy\r\n\r\n--\r'],
    ['job/e', 'without a line end'],
  ];
  const body = multipart(parts.map(([name, data]) => field(name, data)));
  for (let size = 1; size < 80; size++) assert.deepEqual(await read(inChunks(body, size)), parts, `${size}`);
  assert.deepEqual(await read(inChunks(body)), parts);
});

test('any parts come back, however the body is cut', async () => {
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(fc.constantFrom('\r', '\n', '-', '--', 'x', 'xy', '--xyz', '\r\n--', ' '), { maxLength: 20 })
      .map((pieces) => Buffer.from(pieces.join(''))),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(data, { maxLength: 5 }),
      fc.integer({ min: 1, max: 100 }),
      fc.boolean(),
      async (datas, size, compressed) => {
        const sent = datas.filter((data) => !`\r\n${data.toString('latin1')}\r\n`.includes('\r\n--xyz'));
        const body = multipart(sent.map((data, i) => field(`job/${i}`, data, i % 2 ? '; filename="f"' : '')));
        const source = inChunks(compressed ? gzipSync(body) : body, size);
        const encoding = compressed ? 'gzip' : 'identity';
        const received: Buffer[] = [];
        for await (const part of pushParts(source, { ...OPTIONS, encoding })) {
          received.push(await buffer(part.stream));
        }
        assert.deepEqual(received, sent);
      },
    ),
    { numRuns: 200 },
  );
});

test('a name says group, method and parameters', async () => {
  const put = await one('PUT job/backup/instance/a?ttl=26h&mode=merge');
  assert.deepEqual([put.method, put.path, put.number], ['PUT', 'job/backup/instance/a', 1]);
  assert.deepEqual([put.query.get('ttl'), put.query.get('mode')], ['26h', 'merge']);
  const post = await one('POST /metrics/job/a%20b');
  assert.deepEqual([post.method, post.path], ['POST', 'job/a%20b']);
  const fromCurl = await one('job/c?ttl%3D1h&mode%3dmerge');
  assert.deepEqual([...fromCurl.query], [...new URLSearchParams('ttl=1h&mode=merge')]);
  const plain = await one('job@base64/eA==');
  assert.deepEqual([plain.method, plain.path, plain.query.size], [undefined, 'job@base64/eA==', 0]);
  const odd = await one('job/a\\"b\\\\c\\d');
  assert.equal(odd.path, 'job/a"b\\c\\d');
  const unicode = await one('job/Π');
  assert.equal(Buffer.from(unicode.path, 'latin1').toString(), 'job/Π');
  assert.equal((await one('DELETE job/a')).method, undefined);
});

test('parts have their headers; any multipart will do; Content-Location names a part without a form', async () => {
  const body = Buffer.concat([
    Buffer.from('for old readers\r\n'),
    multipart([
      {
        headers: 'content-location: /metrics/job/a\r\nX-Long: one\r\n  two\r\nCONTENT-TYPE:text/plain',
        data: 'a',
      },
      { headers: 'Content-Disposition: attachment; filename=x; NAME=job/b;', data: 'b' },
    ]),
    Buffer.from('and after'),
  ]);
  const contentType = 'Multipart/Mixed; charset=utf-8; Boundary="xyz"';
  const headers: object[] = [];
  const paths: string[] = [];
  for await (const part of pushParts(inChunks(body, 5), { ...OPTIONS, contentType })) {
    headers.push(part.headers);
    paths.push(part.path);
  }
  assert.deepEqual(paths, ['job/a', 'job/b']);
  assert.deepEqual(headers[0], {
    'content-location': '/metrics/job/a',
    'x-long': 'one two',
    'content-type': 'text/plain',
  });
});

test('blanks after a boundary, and a part whose only line end is that of the boundary', async () => {
  const head = '--xyz \t\r\nContent-Disposition: form-data; name="job/a"\r\n\r\n';
  assert.deepEqual(await read(inChunks(Buffer.from(`${head}--xyz--`), 3)), [['job/a', '']]);
  assert.deepEqual(await read(inChunks(Buffer.from(`${head}a 1\r\n--xyz--`), 3)), [['job/a', 'a 1']]);
});

test('no part at all is no part', async () => {
  assert.deepEqual(await read(inChunks(Buffer.from('--xyz--\r\n'))), []);
});

test('parts are read no further than they are asked for', async () => {
  let given = 0;
  const body = multipart([field('job/a', Buffer.alloc(4 * MIB, 'a')), field('job/b', 'b 1\n')]);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < body.length; at += 16 * KIB) {
      given += 16 * KIB;
      yield body.subarray(at, at + 16 * KIB);
    }
  }
  const parts = pushParts(Readable.from(chunks(), { objectMode: false }), OPTIONS);
  const { value } = await parts.next();
  for (let i = 0; i < 100; i++) await nextTurn();
  assert.ok(given < 256 * KIB, `${given} bytes are read`);
  const stream: Readable = value.stream;
  await once(stream, 'readable');
  assert.ok(stream.read() !== null);
  for (let i = 0; i < 100; i++) await nextTurn();
  assert.ok(given < MIB, `${given} bytes are read`);
  // What is left of it is skipped.
  const second = await parts.next();
  assert.equal(second.value.name, 'job/b');
  assert.equal(await text(second.value.stream), 'b 1\n');
  assert.equal((await parts.next()).done, true);
});

test('parts may be left unread, or be destroyed in the middle', async () => {
  const big = Buffer.alloc(200 * KIB, 'x');
  const body = multipart([1, 2, 3, 4].map((i) => field(`job/${i}`, big)));
  const names: string[] = [];
  for await (const { name, number, stream } of pushParts(inChunks(body, 10_000), OPTIONS)) {
    names.push(name);
    if (number === 2) {
      await once(stream, 'readable');
      stream.destroy();
    }
    if (number === 3) stream.resume();
  }
  assert.deepEqual(names, ['job/1', 'job/2', 'job/3', 'job/4']);
});

test('who stops destroys the source, also while a part is waiting for bytes', async () => {
  const body = multipart([field('job/a', 'a 1\n'.repeat(100))]);
  const source = new Readable({ read() {} });
  source.push(body.subarray(0, 200));
  for await (const { stream } of pushParts(source, OPTIONS)) {
    stream.resume();
    await nextTurn();
    break;
  }
  assert.ok(source.destroyed);
});

const GOOD = field('job/good', 'good 1\n');
const whole = multipart([GOOD, field('job/next', 'next 1\n')]);
const cut = (after: string): Buffer => whole.subarray(0, whole.indexOf(after) + after.length);
const MALFORMED: ReadonlyArray<readonly [what: string, body: Buffer, message: RegExp]> = [
  ['nothing', Buffer.alloc(0), /ends without its last boundary, before the first part/],
  ['text', Buffer.from('a 1\n'), /ends without its last boundary, before the first part/],
  ['another boundary', multipart([GOOD], 'abc'), /ends without its last boundary, before the first part/],
  ['half a boundary', Buffer.from('--xy'), /ends without its last boundary, before the first part/],
  ['a boundary and nothing', Buffer.from('--xyz'), /before the first part/],
  [
    'an end in the first headers',
    cut('form-data'),
    /it ends in the headers of a part, before the first part/,
  ],
  ['an end in the first part', cut('good 1'), /last boundary, in part 1 \("job\/good"\)/],
  ['an end before the boundary', cut('good 1\n\r\n--xy'), /last boundary, in part 1 \("job\/good"\)/],
  ['an end after the boundary', cut('good 1\n\r\n--xyz'), /after part 1 \("job\/good"\)/],
  [
    'an end in the next headers',
    cut('name="job/ne'),
    /it ends in the headers of a part, after part 1 \("job\/good"\)/,
  ],
  ['an end after the next headers', cut('job/next"\r\n\r\n'), /last boundary, in part 2 \("job\/next"\)/],
  ['half an end', cut('next 1\n\r\n--xyz-'), /not followed by a line end, after part 2 \("job\/next"\)/],
  [
    'a boundary with more',
    multipart([field('job/a', 'a\r\n--xyzzy\r\n')]),
    /line end, after part 1 \("job\/a"\)/,
  ],
  [
    'no name',
    multipart([GOOD, { headers: 'Content-Type: text/plain', data: '' }]),
    /no name .*, after part 1/,
  ],
  [
    'no headers',
    Buffer.from('--xyz\r\n\r\na 1\r\n--xyz--'),
    /has no name in its Content-Disposition.*, before the first/,
  ],
  ['an empty name', multipart([field('', '')]), /no name/],
  ['what is no header', multipart([GOOD, { headers: 'a 1', data: '' }]), /"a 1" is no header, after part 1/],
  [
    'a coded part',
    multipart([{ headers: 'Content-Transfer-Encoding: base64', data: '' }]),
    /Content-Transfer-Encoding, which no part may have over HTTP, before the first part/,
  ],
  [
    'long headers',
    multipart([GOOD, { headers: `X-Long: ${'x'.repeat(17 * KIB)}`, data: '' }]),
    /more than 16 KiB in the headers of a part, after part 1/,
  ],
];

for (const [what, body, message] of MALFORMED) {
  test(`refused: ${what}`, async () => {
    for (const size of [3, 100_000]) await assert.rejects(read(inChunks(body, size)), refusal(message));
  });
}

test('every truncation is refused, by the stream of the part and then by the iterator', async () => {
  for (let length = 0; length < whole.length - '\r\n'.length; length++) {
    const streams: unknown[] = [];
    const reading = (async () => {
      for await (const { stream } of pushParts(inChunks(whole.subarray(0, length), 20), OPTIONS)) {
        await text(stream).catch((error) => streams.push(error));
      }
    })();
    await assert.rejects(reading, refusal(/part/));
    if (streams.length > 0)
      await assert.rejects(reading, refusal(new RegExp((streams[0] as Error).message.slice(-10, -2))));
  }
});

test('endless headers end the body', async () => {
  async function* forever(): AsyncGenerator<Buffer> {
    yield Buffer.from('--xyz\r\n');
    while (true) yield Buffer.from('X-Header: value\r\n');
  }
  await assert.rejects(read(Readable.from(forever(), { objectMode: false })), refusal(/more than 16 KiB/));
});

test('there are at most so many parts', async () => {
  const body = multipart(Array.from({ length: 4 }, (_, i) => field(`job/${i}`, '')));
  assert.equal((await read(inChunks(body), { maxParts: 4 })).length, 4);
  await assert.rejects(
    read(inChunks(body), { maxParts: 3 }),
    refusal(/at most 3 parts/, 'ERR_BODY_TOO_LARGE'),
  );
});

for (const contentType of [
  undefined,
  '',
  'text/plain; boundary=xyz',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary="xyz',
  `multipart/form-data; boundary=${'x'.repeat(71)}`,
]) {
  test(`refused: Content-Type ${contentType?.slice(0, 50)}`, async () => {
    await assert.rejects(read(inChunks(whole), { contentType }), refusal(/Content-Type is not multipart/));
  });
}

test('gzip that is cut off is told with the part, and a sender that goes as such', async () => {
  const zipped = gzipSync(multipart([GOOD, field('job/b', 'b 1\n'.repeat(50_000))]), { level: 0 });
  const torn = read(inChunks(zipped.subarray(0, 100_000)), { encoding: 'gzip' });
  await assert.rejects(
    torn,
    refusal(/not whole or not gzip: unexpected end of file, in part 2 \("job\/b"\)/),
  );

  for (const encoding of ['identity', 'gzip']) {
    const source = new Readable({ read() {} });
    source.push(encoding === 'gzip' ? zipped.subarray(0, 50_000) : whole.subarray(0, 90));
    const reading = read(source, { encoding });
    await nextTurn();
    source.destroy(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
    await assert.rejects(reading, refusal(/the client has gone/, 'ERR_CLIENT_GONE'));
  }
});

test('curl -F sends parts, from files and without', async () => {
  const received: Array<[name: string, data: string]> = [];
  const server = createServer((req, res) => {
    read(req, { contentType: req.headers['content-type'] }).then(
      (parts) => {
        received.push(...parts);
        res.end('ok');
      },
      (error) => res.end(String(error)),
    );
  });
  const directory = await mkdtemp(join(tmpdir(), 'push-parts-'));
  try {
    const file = join(directory, 'metrics.txt');
    await writeFile(file, 'a 1\n'.repeat(100_000));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { stdout } = await promisify(execFile)('curl', [
      ...[
        '-sS',
        '-F',
        `job/backup/instance/a=@${file}`,
        '-F',
        `PUT job/b=<${file}`,
        '-F',
        'job/c?ttl%3D1h&mode%3Dmerge=c 1',
      ],
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ]);
    assert.equal(stdout, 'ok');
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
  assert.deepEqual(
    received.map(([name, data]) => [name, data.length]),
    [
      ['job/backup/instance/a', 400_000],
      ['PUT job/b', 400_000],
      ['job/c?ttl%3D1h&mode%3Dmerge', 3],
    ],
  );
});
