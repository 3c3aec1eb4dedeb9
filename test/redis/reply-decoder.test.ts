import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '../../src/redis/commands.ts';
import { Intake } from '../../src/redis/connection/intake.ts';
import {
  ProtocolError,
  ReplyDecoder,
  ReplyError,
  type ReplyReceiver,
} from '../../src/redis/connection/reply-decoder.ts';
import { type Slab, slabPool } from '../../src/redis/connection/slab.ts';

/** Gives the bytes to a decoder as a socket would. */
function receive(pieces: readonly Buffer[], receiver: ReplyReceiver, pool = slabPool()): void {
  const { onread } = new Intake(pool, new ReplyDecoder(receiver).read);
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const room = (onread.buffer as () => Buffer)();
      const bytes = piece.copy(room, 0, at);
      // What nobody holds may be gone.
      room.fill(0xee, bytes);
      at += bytes;
      onread.callback(bytes, room);
    }
  }
}

/** What a sink was given of one answer, and what that came to. */
type Heard = Reply | ReplyError | { readonly taken: string[]; readonly reply: Reply | ReplyError };

/** @param taking the answers whose strings a sink takes, by their number */
function decode(pieces: readonly Buffer[], taking: ReadonlySet<number> = new Set()): Heard[] {
  const heard: Heard[] = [];
  let taken: string[] | undefined;
  receive(pieces, {
    sink: () => {
      if (!taking.has(heard.length)) return undefined;
      const strings: string[] = [];
      taken = strings;
      return { bulk: ({ bytes }, from, to) => void strings.push(bytes.toString('latin1', from, to)) };
    },
    reply: (reply) => {
      heard.push(taken === undefined ? reply : { taken, reply });
      taken = undefined;
    },
  });
  return heard;
}

// The forms of https://redis.io/docs/latest/develop/reference/protocol-spec/ in RESP2, one answer after the other.
const STREAM = Buffer.from(
  [
    '+OK\r\n',
    '+\r\n',
    '-ERR wrong é\r\n',
    ':0\r\n',
    ':-12\r\n',
    ':1764000000123456\r\n',
    '$5\r\na\r\nb*\r\n',
    '$0\r\n\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '*0\r\n',
    '*3\r\n$1\r\nx\r\n$-1\r\n:7\r\n',
    '*2\r\n*2\r\n*0\r\n+in\r\n*1\r\n$2\r\nis\r\n',
    '*3\r\n$1\r\nx\r\n*1\r\n-OOM first\r\n-ERR second\r\n',
    '*4\r\n$1\r\na\r\n$0\r\n\r\n$12\r\n0123456789\r\n\r\n$1\r\nd\r\n',
    '*0\r\n',
    '-READONLY no\r\n',
    '*3\r\n$1\r\n5\r\n*2\r\n$1\r\nn\r\n$2\r\n.5\r\n*0\r\n',
    ':1\r\n',
  ].join(''),
);
const b = (text: string): Buffer => Buffer.from(text);
const HEARD: Heard[] = [
  b('OK'),
  b(''),
  new ReplyError('ERR wrong é'),
  0,
  -12,
  1_764_000_000_123_456,
  b('a\r\nb*'),
  b(''),
  null,
  null,
  [],
  [b('x'), null, 7],
  [[[], b('in')], [b('is')]],
  new ReplyError('OOM first'),
  { taken: ['a', '', '0123456789\r\n', 'd'], reply: null },
  { taken: [], reply: null },
  new ReplyError('READONLY no'),
  { taken: ['5', 'n', '.5'], reply: null },
  1,
];
// Also where there is an error in place of an array.
const TAKING = new Set([14, 15, 16, 17]);

test('every form of answer is read, whatever comes at once', () => {
  assert.deepEqual(decode([STREAM], TAKING), HEARD);
  assert.deepEqual(
    decode(
      Array.from(STREAM, (byte) => Buffer.of(byte)),
      TAKING,
    ),
    HEARD,
  );
});

test('and wherever it is cut, once or twice', () => {
  for (let first = 0; first <= STREAM.length; first++) {
    const head = STREAM.subarray(0, first);
    for (let second = first; second <= Math.min(first + 40, STREAM.length); second++) {
      const pieces = [head, STREAM.subarray(first, second), STREAM.subarray(second)];
      assert.deepEqual(decode(pieces, TAKING), HEARD, `cut at ${first} and ${second}`);
    }
  }
});

test('what a sink holds stays as it was received, and is used again afterwards', () => {
  const pool = slabPool();
  const held: Array<{ slab: Slab; from: number; to: number }> = [];
  const sink = {
    bulk(slab: Slab, from: number, to: number): void {
      slab.hold();
      held.push({ slab, from, to });
    },
  };
  const texts = Array.from({ length: 60 }, (_, i) => Buffer.alloc(1 + ((i * 7919) % 90_000), `${i};`));
  const bulks = texts.map((text) => Buffer.concat([b(`$${text.length}\r\n`), text, b('\r\n')]));
  const stream = Buffer.concat([b(`*${texts.length}\r\n`), ...bulks]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 65_521) pieces.push(stream.subarray(at, at + 65_521));
  let answers = 0;
  const used: Array<Set<Buffer>> = [];
  for (let round = 1; round <= 2; round++) {
    receive(pieces, { sink: () => sink, reply: () => answers++ }, pool);
    assert.equal(answers, round);
    const got = held.map(({ slab, from, to }) => slab.bytes.subarray(from, to));
    assert.deepEqual(got, texts);
    used.push(new Set(held.map(({ slab }) => slab.bytes)));
    for (const { slab } of held.splice(0)) slab.release();
  }
  // The first connection still has the one that it would read into next.
  const again = [...used[1]].filter((bytes) => used[0].has(bytes));
  assert.ok(used[0].size >= 5 && again.length === used[0].size - 1, `${again.length} of ${used[0].size}`);
});

test('a long string is put together from many pieces', () => {
  const text = Buffer.alloc(300_000, 'abcdefghij');
  const stream = Buffer.concat([b(`*2\r\n$${text.length}\r\n`), text, b('\r\n$1\r\nx\r\n')]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 65_536) pieces.push(stream.subarray(at, at + 65_536));
  assert.deepEqual(decode(pieces), [[text, b('x')]]);
  assert.deepEqual(decode(pieces, new Set([0])), [{ taken: [text.toString(), 'x'], reply: null }]);
});

for (const [what, stream, taking] of [
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n'],
  ['a map of RESP3', '%1\r\n+a\r\n+b\r\n'],
  ['a length that is none', '$x\r\n'],
  ['no length at all', '$\r\n'],
  ['a negative length other than -1', '$-2\r\n'],
  ['a line without its return', '+OK\n'],
  ['a string without its end', '$1\r\nab\r\n'],
  ['a string longer than any', '$536870913\r\n'],
  ['arrays in arrays without end', '*1\r\n'.repeat(40)],
  ['a line without end', `+${'x'.repeat(70_000)}`],
  ['nothing in one whose strings are taken', '*1\r\n$-1\r\n', true],
] as const) {
  test(`${what} is no answer`, () => {
    const takes = new Set(taking ? [0] : []);
    assert.throws(() => decode([b(stream)], takes), ProtocolError);
    const bytes = Array.from(b(stream), (byte) => Buffer.of(byte));
    if (stream.length < 1000) assert.throws(() => decode(bytes, takes), ProtocolError);
  });
}
