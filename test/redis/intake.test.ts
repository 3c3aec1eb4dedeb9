import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Intake, type Reader } from '../../src/redis/connection/intake.ts';
import { slabPool } from '../../src/redis/connection/slab.ts';

/** What comes over a line in these pieces, read by one reader and then, after so many pieces, by another. */
function readBy(pieces: readonly string[], handOverAfter: number): [first: string, second: string] {
  const texts: [string, string] = ['', ''];
  const reader =
    (index: 0 | 1): Reader =>
    (slab, from, to) => {
      texts[index] += slab.bytes.toString('latin1', from, to);
      return to;
    };
  const intake = new Intake(slabPool(), reader(0));
  for (const [i, piece] of pieces.entries()) {
    if (i === handOverAfter) intake.handOver(reader(1));
    const { buffer, callback } = intake.onread;
    assert.ok(typeof buffer === 'function');
    const room = buffer() as Uint8Array;
    callback(
      room.length >= piece.length ? Buffer.from(room.buffer, room.byteOffset).write(piece, 'latin1') : 0,
      room,
    );
  }
  return texts;
}

test('who takes over reads what comes from then on', () => {
  assert.deepEqual(readBy(['+OK\r\n', '+OK\r\n', ':1\r\n'], 1), ['+OK\r\n', '+OK\r\n:1\r\n']);
});

test('the line end of an answer that was taken for whole before it came is not for who takes over', () => {
  assert.deepEqual(readBy(['+OK\r', '\n', ':1\r\n'], 1), ['+OK\r', ':1\r\n']);
  assert.deepEqual(readBy(['+OK\r', '\n:1\r\n', ':2\r\n'], 1), ['+OK\r', ':1\r\n:2\r\n']);
  assert.deepEqual(readBy([...'+OK\r\n:1\r\n'], 4), ['+OK\r', ':1\r\n']);
});
