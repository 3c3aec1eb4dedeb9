import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { DeclaredTypesError, DeclaredTypesLog } from '../../../src/server/ingest/declared-types.ts';
import {
  type LineBlock,
  type LineBlocksOptions,
  LineTooLongError,
  lineBlocks,
} from '../../../src/server/ingest/line-blocks.ts';
import { KIB, MIB } from '../../../src/units.ts';
import { DeclaredReader } from '../../../src/workers/exposition/declared-reader.ts';
import { TextParser } from '../../../src/workers/exposition/text-parser.ts';
import { endsBlock, SeriesHash } from '../../../src/workers/identity.ts';
import { bytesOf } from './chunks.ts';

const SECRET = Buffer.from('the hash secret!');

function optionsOf(options: Partial<LineBlocksOptions> = {}): LineBlocksOptions {
  return {
    maxLineBytes: MIB,
    targetBytes: () => 16 * KIB,
    secret: SECRET,
    declared: new DeclaredTypesLog(),
    ...options,
  };
}

async function blocksOf(
  chunks: Iterable<Buffer>,
  options: Partial<LineBlocksOptions> = {},
): Promise<LineBlock[]> {
  const blocks = lineBlocks(optionsOf(options));
  return Readable.from(chunks).compose(blocks).toArray();
}

/** Cuts a body into chunks of these lengths, over and over. */
function* chunksOf(body: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < body.length; i++) {
    const length = lengths[i % lengths.length];
    yield body.subarray(at, at + length);
    at += length;
  }
}

function textOf({ text }: LineBlock): string {
  return bytesOf(text).toString('latin1');
}

function namesOf({ declared }: LineBlock): Array<[string, string]> {
  return [...new DeclaredReader().read(1, declared)];
}

interface Shape {
  /** Families in their order: how many entries each has. */
  readonly families: ReadonlyArray<{ kind: 'plain' | 'histogram' | 'summary'; entries: number }>;
  readonly crlf: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  families: fc.array(
    fc.record({
      kind: fc.constantFrom('plain', 'histogram', 'summary'),
      entries: fc.oneof({ arbitrary: fc.nat(40), weight: 3 }, { arbitrary: fc.nat(1500), weight: 1 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  crlf: fc.boolean(),
});

/** A body of this shape; what `value` gives is all that distinguishes it from others. */
function bodyOf({ families, crlf }: Shape, value: (i: number) => string): Buffer {
  const lines: string[] = [];
  const push = (line: string): number => lines.push(`${line}${crlf ? '\r' : ''}\n`);
  let n = 0;
  for (const [f, { kind, entries }] of families.entries()) {
    push(`# HELP family_${f} of kind ${kind}`);
    push(`# TYPE family_${f} ${kind === 'plain' ? 'counter' : kind}`);
    for (let i = 0; i < entries; i++) {
      const labels = `host="server-${i}",job="b"`;
      if (kind === 'plain') push(`family_${f}{${labels}} ${value(n++)}`);
      for (const le of kind === 'histogram' ? ['0.1', '1', '10', '+Inf'] : []) {
        push(`family_${f}_bucket{${labels},le="${le}"} ${value(n++)}`);
      }
      for (const quantile of kind === 'summary' ? ['0.5', '0.9'] : []) {
        push(`family_${f}{${labels},quantile="${quantile}"} ${value(n++)}`);
      }
      if (kind !== 'plain') {
        push(`family_${f}_sum{${labels}} ${value(n++)}`);
        push(`family_${f}_count{${labels}} ${value(n++)}`);
      }
    }
  }
  return Buffer.from(lines.join(''));
}

interface Stored {
  /** The entries of each block that is to be stored, by name and hash. */
  readonly blocks: string[][];
  readonly samples: number;
  readonly rejected: unknown[];
}

/** Parses blocks and ends stored blocks where the format of the store says so: see identity.ts. */
function store(lineBlocksOfBody: readonly LineBlock[]): Stored {
  const parser = new TextParser(new SeriesHash(SECRET));
  const reader = new DeclaredReader();
  const blocks: string[][] = [];
  const rejected: unknown[] = [];
  let samples = 0;
  for (const { text, declared } of lineBlocksOfBody) {
    const parsed = parser.parse(bytesOf(text), {
      timestamps: 'strip',
      whole: false,
      declared: reader.read(1, declared),
    });
    rejected.push(...parsed.errors);
    const { entries, families } = parsed;
    let block: string[] = [];
    for (let i = 0; i < entries.count; i++) {
      const { name, kind } = families[entries.family[i]];
      block.push(`${name} ${entries.hashHi[i]} ${entries.hashLo[i]}`);
      samples += entries.samples[i];
      const isLast = i + 1 === entries.count || entries.family[i + 1] !== entries.family[i];
      if (isLast || endsBlock(entries.hashLo[i], kind) || block.length === 1024) {
        blocks.push(block);
        block = [];
      }
    }
  }
  return { blocks, samples, rejected };
}

suite('blocks of lines', () => {
  test('are the same however the body arrives, and are the body', async () => {
    // Many small chunks, but a large one now and then, or it would take all day.
    const small = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 20 });
    const lengths = fc
      .tuple(small, fc.integer({ min: 5000, max: 100_000 }), small)
      .map(([before, large, after]) => [...before, large, ...after]);
    await fc.assert(
      fc.asyncProperty(shape, lengths, fc.boolean(), async (of, chunkLengths, cutShort) => {
        const whole = bodyOf(of, (i) => String(i * 37));
        const body = cutShort ? whole.subarray(0, -1) : whole;
        const [once, inChunks] = [await blocksOf([body]), await blocksOf(chunksOf(body, chunkLengths))];
        assert.equal(once.map(textOf).join(''), body.toString('latin1'));
        assert.deepEqual(inChunks.map(textOf), once.map(textOf));
        assert.deepEqual(inChunks.map(namesOf), once.map(namesOf));
        for (const block of once.slice(0, -1)) assert.ok(textOf(block).endsWith('\n'));
      }),
      { numRuns: 40 },
    );
  });

  test('keep every byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 20 }), async (chunks) => {
        const body = Buffer.concat(chunks);
        const blocks = await blocksOf(
          chunks.filter(({ length }) => length > 0).map((chunk) => Buffer.from(chunk)),
          { targetBytes: () => 100 },
        );
        assert.equal(blocks.map(textOf).join(''), body.toString('latin1'));
      }),
    );
  });

  test('cut a body so that the same series are stored in the same blocks, whatever their values', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(), async (of, seed) => {
        const bodies = [
          bodyOf(of, () => '1'),
          bodyOf(of, (i) => `${Math.imul(i + 1, seed) >>> 0}.25e+0${i % 7}`),
        ];
        const [one, other] = await Promise.all(bodies.map(async (body) => store(await blocksOf([body]))));
        assert.deepEqual(one.rejected, []);
        assert.deepEqual(other.blocks, one.blocks);
      }),
      { numRuns: 40 },
    );
  });

  test('never tear a histogram or summary', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.integer({ min: 1, max: 40_000 }), async (of, target) => {
        const body = bodyOf(of, String);
        const { rejected, samples } = store(await blocksOf([body], { targetBytes: () => target }));
        assert.deepEqual(rejected, []);
        const comments = of.families.length * 2;
        assert.equal(samples, body.filter((byte) => byte === 0x0a).length - comments);
      }),
      { numRuns: 40 },
    );
  });

  test('are somewhat larger than the target', async () => {
    const body = bodyOf({ families: [{ kind: 'plain', entries: 30_000 }], crlf: false }, String);
    const sizes = (await blocksOf(chunksOf(body, [64 * KIB]))).map(({ text }) => text.byteLength);
    assert.ok(sizes.length > 10);
    for (const size of sizes.slice(0, -1)) assert.ok(size >= 16 * KIB && size < 200 * KIB, String(size));
  });

  test('ask for the target once for each block', async () => {
    const targets = [1000, 200_000, 1000];
    const body = bodyOf({ families: Array(400).fill({ kind: 'plain', entries: 30 }), crlf: false }, String);
    const blocks = await blocksOf([body], { targetBytes: () => targets.shift() ?? 100_000 });
    const sizes = blocks.map(({ text }) => text.byteLength);
    assert.ok(sizes[0] < 4000 && sizes[1] > 200_000 && sizes[1] < 204_000 && sizes[2] < 4000, String(sizes));
  });

  test('of an empty body there are none; a small one is one, with or without a newline', async () => {
    assert.deepEqual(await blocksOf([]), []);
    for (const body of ['x 1', 'x 1\n', '\n', 'x']) {
      assert.deepEqual((await blocksOf([Buffer.from(body)])).map(textOf), [body]);
    }
  });

  test('come in order through a pipe that is read slowly, and no more of them than asked for', async () => {
    const line = Buffer.from(`${'# comment '.repeat(100)}\n`);
    let written = 0;
    const source = Readable.from(
      (function* () {
        for (; written < 20 * MIB; written += line.length) yield line;
      })(),
    );
    const blocks = source.pipe(lineBlocks(optionsOf({ targetBytes: () => 100 * KIB })));
    await new Promise((resolve) => blocks.once('readable', resolve));
    for (let i = 0; i < 100; i++) await setImmediate();
    assert.ok(written < MIB, `${written} bytes taken and nothing read`);
    let read = 0;
    for await (const { text } of blocks) read += text.byteLength;
    assert.equal(read, written);
  });
});

suite('places to cut', () => {
  const sizesOf = async (body: string, target = 1000): Promise<number[]> => {
    const blocks = await blocksOf([Buffer.from(body)], { targetBytes: () => target });
    return blocks.map(({ text }) => text.byteLength);
  };
  const plain = (family: string, n: number): string =>
    Array.from({ length: n }, (_, i) => `${family}{a="${i}"} 1\n`).join('');

  test('are before HELP and TYPE of another family, not between them and its samples', async () => {
    const head = `${'a 1\n'.repeat(300)}# HELP a late\na 2\n`;
    const next = '# HELP b help\n# TYPE b gauge\nb 1\n';
    assert.deepEqual(await sizesOf(`${head}\n# comment\n${next}`), [
      head.length + '\n# comment\n'.length,
      next.length,
    ]);
  });

  test('are where the name changes', async () => {
    const head = 'a 1\n'.repeat(300);
    assert.deepEqual(await sizesOf(`${head}b 1\nc 1\n`), [head.length, 8]);
  });

  test('are after a series whose hash says so', async () => {
    const body = plain('a', 3000);
    const blocks = await blocksOf([Buffer.from(body)], { targetBytes: () => 1000 });
    const hash = new SeriesHash(SECRET);
    assert.ok(blocks.length > 3);
    for (const block of blocks.slice(0, -1)) {
      const label = Buffer.from(/(a="\d+")} 1\n$/.exec(textOf(block))?.[1] ?? '');
      hash.hash(label, 0, label.length);
      assert.ok(endsBlock(hash.lo, 'plain'));
    }
  });

  test('are not within a family whose histograms have their lines apart', async () => {
    const n = 500;
    const part = (line: (i: number) => string): string =>
      Array.from({ length: n }, (_, i) => line(i)).join('');
    const family =
      '# TYPE h histogram\n' +
      part((i) => `h_bucket{a="${i}",le="+Inf"} 1\n`) +
      part((i) => `h_sum{a="${i}"} 1\n`) +
      part((i) => `h_count{a="${i}"} 1\n`);
    const blocks = await blocksOf([Buffer.from(`${family}${plain('b', 10)}`)], { targetBytes: () => 1000 });
    assert.deepEqual(store(blocks).rejected, []);
    assert.equal(store(blocks).samples, 3 * n + 10);
  });

  test('have to be found: of a single series they are at the end of a line, half a megabyte later', async () => {
    const line = `${'a'.repeat(100)} 1\n`;
    const [first, second] = await sizesOf(line.repeat(20_000));
    assert.equal(first % line.length, 0);
    assert.ok(first > 512 * KIB && first < 514 * KIB + 1000, String(first));
    assert.equal(second, first);
  });

  test('are at a whole histogram if none of the hashes says so', async () => {
    // Instances so long that half a megabyte holds two dozen of them.
    const pad = 'x'.repeat(2000);
    const one = (i: number): string =>
      Array.from({ length: 10 }, (_, le) => `h_bucket{a="${i}${pad}",le="${le}"} 1\n`).join('') +
      `h_sum{a="${i}${pad}"} 1\nh_count{a="${i}${pad}"} 1\n`;
    const body = `# TYPE h histogram\n${Array.from({ length: 100 }, (_, i) => one(i)).join('')}`;
    const blocks = await blocksOf([Buffer.from(body)], { targetBytes: () => 1000 });
    assert.ok(blocks.length > 1);
    assert.deepEqual(store(blocks).rejected, []);
    assert.equal(store(blocks).samples, 1200);
  });

  test('of a single histogram of many megabytes are line ends, so that memory has a bound', async () => {
    const body = `# TYPE h histogram\n${Array.from({ length: 100_000 }, (_, i) => `h_bucket{le="${i}"} 1\n`).join('')}`;
    const sizes = await sizesOf(body);
    assert.ok(sizes.length >= 3);
    for (const size of sizes) assert.ok(size < 600 * KIB);
  });

  test('are found among lines that are none', async () => {
    const sizes = await sizesOf(
      '\n'.repeat(100_000) + '@bad\n'.repeat(200_000) + '# comment\n'.repeat(100_000),
    );
    for (const size of sizes) assert.ok(size < 600 * KIB);
  });
});

suite('declared types', () => {
  test('are those up to the end of the block, of the last one up to its start at least', async () => {
    const families = Array.from({ length: 20 }, (_, f) => {
      return `# TYPE h${f} ${f % 2 === 0 ? 'histogram' : 'gauge'}\n${`h${f}_sum 1\n`.repeat(100)}`;
    });
    const body = Buffer.from(families.join(''));
    const blocks = await blocksOf(chunksOf(body, [333]), { targetBytes: () => 500 });
    assert.ok(blocks.length > 5);
    const declaredIn = (text: string): string[] => {
      const log = new DeclaredTypesLog();
      log.add(Buffer.from(text));
      return [...new DeclaredReader().read(1, log.snapshot())].map(String);
    };
    let passed = '';
    for (const block of blocks.slice(0, -1)) {
      passed += textOf(block);
      assert.deepEqual(namesOf(block).map(String), declaredIn(passed));
    }
    const last = namesOf(blocks.at(-1) as LineBlock).map(String);
    assert.deepEqual(last.slice(0, declaredIn(passed).length), declaredIn(passed));
    assert.deepEqual(last, declaredIn(body.toString()).slice(0, last.length));
  });

  test('that are too many end the body', async () => {
    const types = (function* () {
      for (let i = 0; i < 100; i++) yield Buffer.from(`# TYPE ${'x'.repeat(100_000)}${i} summary\n`);
    })();
    await assert.rejects(blocksOf(types), DeclaredTypesError);
  });
});

suite('a line that is too long', () => {
  const limit = { maxLineBytes: 100 };
  const isRefused = async (chunks: Iterable<Buffer>): Promise<void> => {
    await assert.rejects(blocksOf(chunks, limit), (error) => {
      assert.ok(error instanceof LineTooLongError);
      assert.equal(error.code, 'ERR_LINE_TOO_LONG');
      assert.match(error.message, /100 bytes.*--ingest\.max-line-bytes/);
      return true;
    });
  };

  test('is refused wherever it stands and however it arrives', async () => {
    const long = 'y'.repeat(101);
    for (const body of [
      long,
      `${long}\n`,
      `x 1\n${long}\nx 1\n`,
      `${'x 1\n'.repeat(60)}${long}`,
      `\n${long}\n\n`,
    ]) {
      for (const length of [1, 7, 100, 101, 102, 1000])
        await isRefused(chunksOf(Buffer.from(body), [length]));
    }
  });

  test('is not one of the allowed length', async () => {
    const body = `${'y'.repeat(100)}\n`.repeat(20) + 'y'.repeat(100);
    for (const length of [1, 7, 99, 100, 101, 102, 1000]) {
      const blocks = await blocksOf(chunksOf(Buffer.from(body), [length]), limit);
      assert.equal(blocks.map(textOf).join(''), body);
    }
  });

  test('is refused before much more than its limit has been read', async () => {
    let read = 0;
    const endless = (function* () {
      for (;;) {
        read += 50;
        yield Buffer.alloc(50, 'y');
      }
    })();
    await isRefused(endless);
    assert.ok(read < 20_000, `${read} bytes read`);
  });
});
