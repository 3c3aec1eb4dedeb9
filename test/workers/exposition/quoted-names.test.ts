import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FEATURE_QUOTED_NAMES } from '../../../src/redis/block.ts';
import { escapeQuoted } from '../../../src/redis/label-text.ts';
import { DeclaredTypesLog } from '../../../src/server/ingest/declared-types.ts';
import { type LineBlock, lineBlocks } from '../../../src/server/ingest/line-blocks.ts';
import { DeclaredReader } from '../../../src/workers/exposition/declared-reader.ts';
import { endsBlock } from '../../../src/workers/identity.ts';
import { bytesOf } from '../../server/ingest/chunks.ts';
import { hashOf, parse, SECRET } from './parsing.ts';

/** A line, what is stored of it, the labels that identify it, its family, and whether a name needs its quotes. */
const GOOD: ReadonlyArray<
  readonly [what: string, line: string, stored: string, identity: string, family: string, quoted: boolean]
> = [
  ['a name alone', '{"a.b"} 1', '{"a.b"} 1', '', 'a.b', true],
  ['a name and a label', '{"a.b",c="d"} 1', '{"a.b",c="d"} 1', 'c="d"', 'a.b', true],
  ['a name at the end', '{c="d","a.b"} 1', '{"a.b",c="d"} 1', 'c="d"', 'a.b', true],
  ['a name and a comma', '{"a.b",} 1', '{"a.b"} 1', '', 'a.b', true],
  ['blanks', ' { "a.b" , "c d" = "e" , } 1 ', '{"a.b","c d"="e"} 1', '"c d"="e"', 'a.b', true],
  ['a name that needs no quotes', '{"ab:1",c="d"} 1', 'ab:1{c="d"} 1', 'c="d"', 'ab:1', false],
  ['a name that needs none, alone', '{"ab"} 1', 'ab 1', '', 'ab', false],
  ['a label that needs no quotes', 'x{"c"="d"} 1', 'x{c="d"} 1', 'c="d"', 'x', false],
  ['a label with a colon', 'x{"c:d"="e"} 1', 'x{"c:d"="e"} 1', '"c:d"="e"', 'x', true],
  ['a label that begins with a digit', 'x{"1"="e"} 1', 'x{"1"="e"} 1', '"1"="e"', 'x', true],
  [
    'labels in order of what the quotes hold',
    'x{b="1","a.c"="2","_"="3",a="4"} 1',
    'x{_="3",a="4","a.c"="2",b="1"} 1',
    '_="3",a="4","a.c"="2",b="1"',
    'x',
    true,
  ],
  [
    'escapes in order of what they stand for',
    'x{"\\\\"="1","[\\""="2","["="3","\\n"="4"} 1',
    'x{"\\n"="4","["="3","[\\""="2","\\\\"="1"} 1',
    '"\\n"="4","["="3","[\\""="2","\\\\"="1"',
    'x',
    true,
  ],
  ['empty labels', '{"a.b","c.d"="",e=""} 1', '{"a.b"} 1', '', 'a.b', true],
  ['a name of escapes', '{"a\\n\\"\\\\",b="1"} 1', '{"a\\n\\"\\\\",b="1"} 1', 'b="1"', 'a\n"\\', true],
  ['a name of syntax', '{"}=\\",",b="1"} 1', '{"}=\\",",b="1"} 1', 'b="1"', '}=",', true],
  ['other letters', '{"日本 😀","é"="1"} 1', '{"日本 😀","é"="1"} 1', '"é"="1"', '日本 😀', true],
];

suite('quoted names', () => {
  for (const [what, line, stored, identity, family, quoted] of GOOD) {
    test(what, () => {
      for (const end of ['\n', '\r\n', '']) {
        // The line before begins with what the quotes hold.
        const { entries, errors } = parse(`x 1\n${line}\n${line}${end}`);
        assert.deepEqual(errors, []);
        for (const entry of entries.slice(1)) {
          assert.equal(entry.text, `${stored}\n`);
          assert.equal(entry.hash, hashOf(identity));
          assert.equal(entry.family, family);
          assert.equal(entry.features, quoted ? FEATURE_QUOTED_NAMES : 0);
        }
      }
    });
  }

  test('without quotes are none, even after a line that has them', () => {
    const { text, rejected } = parse('{"a.b"} 1\na.b 2\n{"ab"} 3\nab 4\n{"{c"} 5\n{c="1"} 6\n');
    assert.equal(text, '{"a.b"} 1\nab 3\nab 4\n{"{c"} 5\n');
    assert.deepEqual(rejected, { syntax: 2 });
  });

  test('have HELP and TYPE', () => {
    const { families, errors } = parse(
      '# HELP "a.b" some "help"\n# TYPE "a.b" counter\n{"a.b"} 1\n# TYPE "c" gauge\nc 1\n# TYPE "d\\n" gauge\n# TYPE x bla\n',
    );
    assert.deepEqual(
      families.map(({ name, type, help }) => [name, type, help]),
      [
        ['a.b', 'counter', 'some "help"'],
        ['c', 'gauge', undefined],
        ['d\n', 'gauge', undefined],
      ],
    );
    assert.equal(errors.length, 1);
  });

  test('in messages hold nothing that a terminal or a log would obey', () => {
    const { messages } = parse('# TYPE "a\\n\x1b" counter\n# TYPE "a\\n\x1b" gauge\n');
    assert.deepEqual(messages, ['Expected one type for a\\n\\u{1b}, here counter, found "gauge".']);
  });

  test('of histograms and summaries have their suffixes within the quotes', () => {
    const { text, entries, errors, families } = parse(
      `# TYPE "my.hist" histogram
{"my.hist_count","a.b"="1"} 2
{"my.hist_bucket",le="+Inf","a.b"="1"} 2
{"le"="1","my.hist_bucket","a.b"="1"} 1
{"my.hist_sum","a.b"="1"} 3
{"my.hist_count"} 0
# TYPE "a summary" summary
{"a summary",quantile="0.5"} 1
{"a summary_sum"} 2
{"a summary_count"} 3
`,
    );
    assert.deepEqual(errors, []);
    assert.equal(
      text,
      `{"my.hist_bucket","a.b"="1",le="1"} 1
{"my.hist_bucket","a.b"="1",le="+Inf"} 2
{"my.hist_sum","a.b"="1"} 3
{"my.hist_count","a.b"="1"} 2
{"my.hist_bucket",le="+Inf"} 0
{"my.hist_sum"} 0
{"my.hist_count"} 0
{"a summary",quantile="0.5"} 1
{"a summary_sum"} 2
{"a summary_count"} 3
`,
    );
    assert.deepEqual(
      entries.map(({ hash, features }) => [hash, features]),
      [hashOf('"a.b"="1"'), hashOf(''), hashOf('')].map((hash) => [hash, FEATURE_QUOTED_NAMES]),
    );
    assert.deepEqual(
      families.map(({ name, kind, entries: count }) => [name, kind, count]),
      [
        ['my.hist', 'histogram', 2],
        ['a summary', 'summary', 1],
      ],
    );
  });

  test('of a classic histogram may stand in its labels', () => {
    const { text, entries } = parse('# TYPE h histogram\nh_count{"a.b"="1"} 1\nh_sum{"a.b"="1"} 1\n');
    assert.equal(text, 'h_bucket{"a.b"="1",le="+Inf"} 1\nh_sum{"a.b"="1"} 1\nh_count{"a.b"="1"} 1\n');
    assert.equal(entries[0].features, FEATURE_QUOTED_NAMES);
  });

  test('declared by earlier blocks are known in later ones', () => {
    const log = new DeclaredTypesLog();
    log.add(Buffer.from('# TYPE "a.b" histogram\n# TYPE "c\\n\\\\\\"d" summary\n# TYPE "é" histogram\n'));
    const declared = new DeclaredReader().read(1, log.snapshot());
    assert.deepEqual(
      [...declared],
      [
        ['a.b', 'histogram'],
        ['c\n\\"d', 'summary'],
        ['é', 'histogram'],
      ],
    );
    const { families } = parse('{"c\\n\\\\\\"d_sum"} 1\n{"c\\n\\\\\\"d_count"} 1\n', {
      declared,
      whole: false,
    });
    assert.deepEqual(
      families.map(({ name, kind, entries }) => [name, kind, entries]),
      [['c\n\\"d', 'summary', 1]],
    );
  });
});

const name = fc
  .array(fc.constantFrom('a', 'b', '.', ' ', '\\', '"', '\n', 'é', '😀', '{', '}', ',', '=', '1', ':', '_'), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(''))
  .filter((text) => text !== '__name__');
const series = fc.record({
  name,
  labels: fc.uniqueArray(fc.tuple(name, name), { selector: ([label]) => label, maxLength: 5 }),
});

function byBytes([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function form(text: string, classic: RegExp): string {
  return classic.test(text) ? text : `"${escapeQuoted(text)}"`;
}

function labelsOf(labels: ReadonlyArray<readonly [string, string]>): string[] {
  return labels.map(([label, of]) => `${form(label, /^[a-zA-Z_]\w*$/)}="${escapeQuoted(of)}"`);
}

test('any names are stored in one form, however they are written, and come back', () => {
  fc.assert(
    fc.property(fc.array(series, { maxLength: 10 }), fc.boolean(), (all, quoteAll) => {
      const written = all.map(({ name: metric, labels }) => {
        const parts = labels.map(([label, of]) => {
          return quoteAll ? `"${escapeQuoted(label)}"="${escapeQuoted(of)}"` : labelsOf([[label, of]])[0];
        });
        return `{${[`"${escapeQuoted(metric)}"`, ...parts].join(',')}} 1\n`;
      });
      const first = parse(written.join(''));
      assert.deepEqual(first.errors, []);
      for (const [i, { name: metric, labels }] of all.entries()) {
        const { family, text, hash, features } = first.entries[i];
        const inside = labelsOf([...labels].sort(byBytes)).join(',');
        const shown = form(metric, /^[a-zA-Z_:][\w:]*$/);
        const comma = inside === '' ? '' : ',';
        const stored = shown.startsWith('"')
          ? `{${shown}${comma}${inside}} 1\n`
          : `${shown}${inside && `{${inside}}`} 1\n`;
        assert.deepEqual([family, text, hash], [metric, stored, hashOf(inside)]);
        const hasQuotes = [metric, ...labels.map(([label]) => label)].some(
          (of) => !/^[a-zA-Z_:][\w:]*$/.test(of),
        );
        const hasColon = labels.some(([label]) => label.includes(':'));
        assert.equal(features, hasQuotes || hasColon ? FEATURE_QUOTED_NAMES : 0);
      }
      const second = parse(first.text);
      assert.equal(second.text, first.text);
      assert.deepEqual(
        second.entries.map(({ hash, family }) => [hash, family]),
        first.entries.map(({ hash, family }) => [hash, family]),
      );
    }),
    { numRuns: 500 },
  );
});

suite('a body with quoted names', () => {
  async function blocksOf(body: Buffer, chunk: number): Promise<string[]> {
    const blocks = lineBlocks({
      maxLineBytes: 10_000,
      targetBytes: () => 2000,
      secret: SECRET,
      declared: new DeclaredTypesLog(),
    });
    const chunks = Array.from({ length: Math.ceil(body.length / chunk) }, (_, i) =>
      body.subarray(i * chunk, (i + 1) * chunk),
    );
    const texts: string[] = [];
    for await (const { text } of Readable.from(chunks).pipe(blocks) as AsyncIterable<LineBlock>) {
      texts.push(bytesOf(text).toString());
    }
    return texts;
  }

  const bodyOf = (value: (i: number) => string): Buffer => {
    const lines = ['# TYPE "my.hist" histogram\n'];
    for (let i = 0; i < 100; i++) {
      lines.push(`{"my.hist_bucket","a.b"="${i}",le="+Inf"} ${value(i)}\n`);
      lines.push(`{"my.hist_sum","a.b"="${i}"} ${value(i)}\n{"my.hist_count","a.b"="${i}"} ${value(i)}\n`);
    }
    for (let i = 0; i < 2000; i++) lines.push(`{"é.b","a.b"="${i}"} ${value(i)}\n`);
    return Buffer.from(lines.join(''));
  };

  test('is cut where an identity says so, whatever the values are and however it arrives', async () => {
    const short = await blocksOf(
      bodyOf(() => '1'),
      100_000,
    );
    assert.deepEqual(
      await blocksOf(
        bodyOf(() => '1'),
        777,
      ),
      short,
    );
    const long = await blocksOf(
      bodyOf((i) => `${i}.25`),
      999,
    );
    const { entries, families } = parse(bodyOf(() => '1'));
    const kinds = new Map(families.map(({ name: family, kind }) => [family, kind]));
    const lastLine = (text: string): string => text.slice(0, text.lastIndexOf(' ')).split('\n').at(-1) ?? '';
    const ends = entries.filter(({ family, hash }, i) => {
      const isLast = entries[i + 1]?.family !== family;
      return isLast || endsBlock(Number(hash.split(':')[1]), kinds.get(family) ?? 'plain');
    });
    const mayEnd = new Set(ends.map(({ text }) => lastLine(text)));
    for (const blocks of [short, long]) {
      assert.ok(blocks.length > 3, String(blocks.length));
      for (const block of blocks) assert.ok(mayEnd.has(lastLine(block)), lastLine(block));
    }
  });
});
