import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { endsBlock, SeriesHash } from '../../src/workers/identity.ts';

/** HalfSipHash with 64 bits of output, step by step after halfsiphash.c, in BigInt. */
function halfSipHash(key: Uint8Array, input: Uint8Array, cRounds: number, dRounds: number): bigint {
  const u32 = (x: bigint): bigint => x & 0xffffffffn;
  const rotl = (x: bigint, b: bigint): bigint => u32((x << b) | (x >> (32n - b)));
  const word = (bytes: Uint8Array, at: number): bigint =>
    BigInt(Buffer.from(bytes.slice(at, at + 4)).readUInt32LE());
  const [k0, k1] = [word(key, 0), word(key, 4)];
  let [v0, v1, v2, v3] = [k0, k1 ^ 0xeen, 0x6c796765n ^ k0, 0x74656462n ^ k1];
  const rounds = (n: number): void => {
    for (let i = 0; i < n; i++) {
      v0 = u32(v0 + v1);
      v1 = rotl(v1, 5n);
      v1 ^= v0;
      v0 = rotl(v0, 16n);
      v2 = u32(v2 + v3);
      v3 = rotl(v3, 8n);
      v3 ^= v2;
      v0 = u32(v0 + v3);
      v3 = rotl(v3, 7n);
      v3 ^= v0;
      v2 = u32(v2 + v1);
      v1 = rotl(v1, 13n);
      v1 ^= v2;
      v2 = rotl(v2, 16n);
    }
  };
  const absorb = (m: bigint): void => {
    v3 ^= m;
    rounds(cRounds);
    v0 ^= m;
  };
  const whole = input.length - (input.length % 4);
  for (let i = 0; i < whole; i += 4) absorb(word(input, i));
  let last = u32(BigInt(input.length) << 24n);
  for (let i = whole; i < input.length; i++) last |= BigInt(input[i]) << BigInt(8 * (i - whole));
  absorb(last);
  v2 ^= 0xeen;
  rounds(dRounds);
  const lo = v1 ^ v3;
  v1 ^= 0xddn;
  rounds(dRounds);
  return ((v1 ^ v3) << 32n) | lo;
}

function value(hash: SeriesHash): bigint {
  return (BigInt(hash.hi) << 32n) | BigInt(hash.lo);
}

const SECRET = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

suite('series hash', () => {
  test('the reference in this test gives the published vectors of HalfSipHash-2-4', () => {
    const vectors = [
      '218d1f59b9b83cc8',
      'be552412f8387315',
      '064f39ef7c50eb57',
      'ce0f1a45f7060679',
      'd5e78a175be52ea1',
      'cb9d7c3f2f3db580',
      'ce3e91358aa2bc25',
      'ff202728b07bc684',
      'edfee820bce4858c',
    ];
    for (const [length, vector] of vectors.entries()) {
      const expected = Buffer.from(vector, 'hex').readBigUInt64LE();
      assert.equal(
        halfSipHash(
          SECRET,
          Uint8Array.from({ length }, (_, i) => i),
          2,
          4,
        ),
        expected,
      );
    }
  });

  test('is HalfSipHash-1-3 under the first half of the secret, wherever the bytes stand', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        bytes,
        fc.nat(9),
        (secret, input, offset) => {
          const hash = new SeriesHash(secret);
          const around = Buffer.concat([Buffer.alloc(offset, 1), input, Buffer.alloc(5, 2)]);
          hash.hash(around, offset, offset + input.length);
          assert.equal(value(hash), halfSipHash(secret, input, 1, 3));
        },
      ),
    );
  });

  test('gives unsigned halves', () => {
    const hash = new SeriesHash(SECRET);
    for (let i = 0; i < 100; i++) {
      hash.hash(Buffer.from(`a="${i}"`), 0, 5);
      assert.ok(hash.hi >= 0 && hash.lo >= 0);
    }
  });

  test('refuses a secret of another length', () => {
    assert.throws(() => new SeriesHash(Buffer.alloc(8)), /16 bytes, not 8/);
  });
});

suite('digest of a block', () => {
  const digest = (secret: Buffer, words: number[]): string =>
    new SeriesHash(secret).digest128(Uint32Array.from(words), words.length / 2).toString('hex');

  test('has 16 bytes that depend on every hash, their order and their number', () => {
    const digests = [
      digest(SECRET, []),
      digest(SECRET, [1, 2]),
      digest(SECRET, [2, 1]),
      digest(SECRET, [1, 2, 3, 4]),
      digest(SECRET, [3, 4, 1, 2]),
      digest(SECRET, [1, 2, 0, 0]),
      digest(SECRET, new Array(64).fill(0)),
      digest(SECRET, new Array(128).fill(0)),
    ];
    assert.equal(new Set(digests).size, digests.length);
    for (const one of digests) assert.equal(one.length, 32);
  });

  test('reads no more than it is told', () => {
    const hash = new SeriesHash(SECRET);
    const words = Uint32Array.of(9, 1, 2, 3, 4);
    assert.deepEqual(hash.digest128(words.subarray(1), 1), hash.digest128(Uint32Array.of(1, 2), 1));
  });

  test('is of another domain than identity, and its halves of two', () => {
    const hash = new SeriesHash(SECRET);
    const bytes = Buffer.from(Uint32Array.of(1, 2).buffer);
    hash.hash(bytes, 0, 8);
    const both = hash.digest128(Uint32Array.of(1, 2), 1);
    hash.hash(bytes, 0, 8);
    assert.notEqual(both.readBigUInt64LE(0), value(hash));
    assert.notEqual(both.readBigUInt64LE(8), value(hash));
    assert.notEqual(both.readBigUInt64LE(0), both.readBigUInt64LE(8));
  });

  test('changes with either half of the secret', () => {
    const other = Buffer.from(SECRET);
    other[15] ^= 1;
    assert.notEqual(digest(other, [1, 2]), digest(SECRET, [1, 2]));
    const [before, after] = [new SeriesHash(SECRET), new SeriesHash(other)];
    before.hash(SECRET, 0, 16);
    after.hash(SECRET, 0, 16);
    assert.equal(value(before), value(after));
  });
});

test('a block ends at every 256th series on average, at every 32nd histogram or summary', () => {
  const count = (kind: 'plain' | 'histogram' | 'summary'): number => {
    let ends = 0;
    for (let lo = 0; lo < 0x10000; lo++) if (endsBlock(lo, kind)) ends++;
    return ends;
  };
  assert.deepEqual([count('plain'), count('histogram'), count('summary')], [256, 2048, 2048]);
});
