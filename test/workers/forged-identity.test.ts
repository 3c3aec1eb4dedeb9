import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeriesHash } from '../../src/workers/identity.ts';

// Nobody may make up series that are taken for another's, or blocks that overwrite another's.

function secret(seed: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => (i + 1) * seed);
}

function identity(hash: SeriesHash, labels: string): string {
  const bytes = Buffer.from(labels);
  hash.hash(bytes, 0, bytes.length);
  return `${hash.hi}:${hash.lo}`;
}

/** Finds two labels whose low 20 bits of the hash agree, as a forger would who knew the secret. */
function findPartialCollision(hash: SeriesHash): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const labels = `a="${i}"`;
    identity(hash, labels);
    const part = hash.lo & 0xfffff;
    const other = seen.get(part);
    if (other !== undefined) return [other, labels];
    seen.set(part, labels);
  }
}

test('what collides under one secret does not under another', () => {
  const [mine, theirs] = [new SeriesHash(secret(3)), new SeriesHash(secret(5))];
  const [a, b] = findPartialCollision(mine);
  identity(theirs, a);
  const first = theirs.lo & 0xfffff;
  identity(theirs, b);
  assert.notEqual(first, theirs.lo & 0xfffff);
});

test('series that collide in any polynomial hash modulo a power of two do not here', () => {
  // Thue–Morse strings: equal under every multiplier, known or not, so a secret multiplier would not help.
  const bits = Array.from({ length: 2048 }, (_, i) => i.toString(2).replaceAll('0', '').length % 2);
  const a = bits.map((bit) => (bit ? 'x' : 'y')).join('');
  const b = bits.map((bit) => (bit ? 'y' : 'x')).join('');
  for (let seed = 1; seed < 20; seed++) {
    const hash = new SeriesHash(secret(seed));
    assert.notEqual(identity(hash, a), identity(hash, b));
  }
});

test('a block is named by its series in their order, not by a sum that others can reach', () => {
  const hash = new SeriesHash(secret(3));
  const digest = (...words: number[]) =>
    hash.digest128(Uint32Array.from(words), words.length / 2).toString('hex');
  const blocks = [
    digest(1, 2, 3, 4),
    digest(3, 4, 1, 2),
    digest(1, 4, 3, 2),
    digest(1, 2, 3, 4, 0, 0),
    digest(1, 2),
    digest(1 ^ 9, 2, 3 ^ 9, 4),
    digest(1 + 9, 2, 3 - 9, 4),
    digest(),
  ];
  assert.equal(new Set(blocks).size, blocks.length);
  assert.notEqual(new SeriesHash(secret(5)).digest128(Uint32Array.of(1, 2), 1).toString('hex'), digest(1, 2));
});
