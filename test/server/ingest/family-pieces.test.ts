import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familyPieces } from '../../../src/server/ingest/family-pieces.ts';
import { LineTooLongError } from '../../../src/server/ingest/line-blocks.ts';
import { KIB, MIB } from '../../../src/units.ts';
import { chunkSizes, inChunks, piecesOf, textOf } from './chunks.ts';

const maxLineBytes = 64 * KIB;

/** A family: its metadata, perhaps none, and its samples, perhaps none. */
const family = fc
  .record({
    name: fc.constantFrom('a', 'b', 'long_name', '"a b"', '"x\\" # TYPE y"'),
    keywords: fc.subarray(['TYPE', 'HELP', 'UNIT']),
    samples: fc.array(fc.constantFrom('s 1', 's{x="\\n# TYPE z gauge"} 1', `s{y="${'z'.repeat(90)}"} 2`), {
      maxLength: 8,
    }),
  })
  .map(({ name, keywords, samples }) => ({
    lines: [...keywords.map((keyword) => `# ${keyword} ${name} gauge`), ...samples],
  }));

test('pieces are whole families, the same for every chunking', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(family, { minLength: 1, maxLength: 20 }),
      chunkSizes,
      fc.nat(300),
      async (all, sizes, target) => {
        const text = `${all.map(({ lines }) => lines.map((line) => `${line}\n`).join('')).join('')}# EOF\n`;
        const body = Buffer.from(text);
        const pieces = await piecesOf(
          familyPieces({ maxLineBytes, targetBytes: () => target }),
          inChunks(body, sizes),
        );
        assert.equal(Buffer.concat(pieces.map(textOf)).toString(), text);
        assert.deepEqual(
          pieces.map(({ last, problem }) => [last, problem]),
          pieces.map((_, i) => [i === pieces.length - 1 ? true : undefined, undefined]),
        );
        const atOnce = await piecesOf(familyPieces({ maxLineBytes, targetBytes: () => target }), [body]);
        assert.deepEqual(pieces.map(textOf), atOnce.map(textOf));
        // Each piece but the last is as long as it should be, and the next one begins a family.
        let end = 0;
        for (const piece of pieces.slice(0, -1)) {
          end += piece.text.byteLength;
          assert.ok(piece.text.byteLength > target);
          assert.ok(
            startsFamily(text, end),
            `a piece begins with ${JSON.stringify(text.slice(end, end + 40))}`,
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** Whether the line at `at` is metadata of another name than the line before. */
function startsFamily(text: string, at: number): boolean {
  const name = /^# (?:TYPE|HELP|UNIT) (.*) gauge\n/.exec(text.slice(at))?.[1];
  const before = /(?:^|\n)(?:# (?:TYPE|HELP|UNIT) (.*) gauge|[^\n]*)\n$/.exec(text.slice(0, at))?.[1];
  return name !== undefined && name !== before;
}

test('a body that goes on after its end is cut off there', async () => {
  const filler = '# TYPE a gauge\na 1\n'.repeat(100);
  const body = Buffer.from(`${filler}# EOF\n# TYPE b gauge\nb 1\n# TYPE c gauge\nc 1\n`);
  const pieces = await piecesOf(
    familyPieces({ maxLineBytes, targetBytes: () => filler.length - 10 }),
    inChunks(body, [7]),
  );
  assert.deepEqual(
    pieces.map((piece) => [textOf(piece).toString(), piece.problem?.code]),
    [[`${filler}# EOF\n`, 'ERR_BAD_BODY']],
  );
});

test('a family that is too long ends the body without being kept', async () => {
  const line = Buffer.from(`a{x="${'y'.repeat(1_000)}"} 1\n`.repeat(60));
  let given = 0;
  function* chunks(): Generator<Buffer> {
    yield Buffer.from('# TYPE a gauge\n');
    for (; given < 40 * MIB; given += line.length) yield line;
  }
  const pieces = await piecesOf(familyPieces({ maxLineBytes, targetBytes: () => 1_000 }), [...chunks()]);
  assert.deepEqual(
    pieces.map(({ text, problem }) => [text.byteLength, problem?.code]),
    [[0, 'ERR_FAMILY_TOO_LONG']],
  );
});

test('a line that is too long is an error', async () => {
  const cutter = familyPieces({ maxLineBytes: 100, targetBytes: () => 1_000 });
  await assert.rejects(
    new Promise((_, reject) => {
      cutter.on('error', reject);
      cutter.end(Buffer.from(`a{x="${'y'.repeat(100)}"} 1\n`));
      cutter.resume();
    }),
    LineTooLongError,
  );
});
