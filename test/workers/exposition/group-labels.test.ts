import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FEATURE_QUOTED_NAMES } from '../../../src/redis/block.ts';
import { escapeQuoted } from '../../../src/redis/label-text.ts';
import { groupLabels } from '../../../src/workers/exposition/group-labels.ts';
import type { GroupingKey } from '../../../src/workers/messages.ts';
import { hashOf, parse } from './parsing.ts';

/** A line, the key of its group, and the labels that are stored, which are what identifies it. */
const CASES: ReadonlyArray<readonly [what: string, key: GroupingKey, line: string, labels: string]> = [
  ['no labels', [['job', 'j']], 'x 1', 'instance="",job="j"'],
  ['empty braces', [['job', 'j']], 'x{} 1', 'instance="",job="j"'],
  ['labels around', [['job', 'j']], 'x{a="1",z="2"} 1', 'a="1",instance="",job="j",z="2"'],
  [
    'labels between',
    [
      ['a', '1'],
      ['job', 'j'],
    ],
    'x{b="2",k="3"} 1',
    'a="1",b="2",instance="",job="j",k="3"',
  ],
  ['labels out of order', [['job', 'j']], 'x{z="2",a="1"} 1', 'a="1",instance="",job="j",z="2"'],
  [
    'a label of the group',
    [
      ['a', '1'],
      ['job', 'j'],
    ],
    'x{a="2"} 1',
    'a="1",instance="",job="j"',
  ],
  ['job', [['job', 'j']], 'x{job="other",z="1"} 1', 'instance="",job="j",z="1"'],
  ['an instance in the body', [['job', 'j']], 'x{instance="i"} 1', 'instance="i",job="j"'],
  ['an empty instance in the body', [['job', 'j']], 'x{instance=""} 1', 'instance="",job="j"'],
  [
    'an instance in the key',
    [
      ['instance', 'i'],
      ['job', 'j'],
    ],
    'x{instance="k"} 1',
    'instance="i",job="j"',
  ],
  [
    'an empty instance in the key',
    [
      ['instance', ''],
      ['job', 'j'],
    ],
    'x{instance="k"} 1',
    'instance="",job="j"',
  ],
  ['empty labels of the body', [['job', 'j']], 'x{a="",b="1"} 1', 'a="",b="1",instance="",job="j"'],
  [
    'an empty label of the group',
    [
      ['a', ''],
      ['job', 'j'],
    ],
    'x{a="1"} 1',
    'a="",instance="",job="j"',
  ],
  ['no job', [['a', 'b']], 'x 1', 'a="b",instance=""'],
  ['no key at all', [], 'x{a="b"} 1', 'a="b",instance=""'],
  ['a prefix of a name', [['job', 'j']], 'x{jo="1",jobs="2"} 1', 'instance="",jo="1",job="j",jobs="2"'],
  ['anything as value', [['job', 'a"b\\c\nd é,}']], 'x 1', 'instance="",job="a\\"b\\\\c\\nd é,}"'],
  [
    'escapes in the body',
    [['job', 'j']],
    'x{a="\\"\\\\",b="\\n"} 1',
    'a="\\"\\\\",b="\\n",instance="",job="j"',
  ],
  [
    'a name in quotes',
    [
      ['a.b', '1'],
      ['job', 'j'],
    ],
    'x{a="2",b="3"} 1',
    'a="2","a.b"="1",b="3",instance="",job="j"',
  ],
  [
    'the same in the body',
    [
      ['a.b', '1'],
      ['job', 'j'],
    ],
    'x{"a.b"="2"} 1',
    '"a.b"="1",instance="",job="j"',
  ],
  [
    'escapes in names',
    [
      ['"', '1'],
      ['job', 'j'],
    ],
    'x{"\\n"="0","\\""="2","\\\\"="3"} 1',
    '"\\n"="0","\\""="1","\\\\"="3",instance="",job="j"',
  ],
  [
    'le and quantile of a plain series',
    [
      ['job', 'j'],
      ['le', '1'],
    ],
    'x{le="2",quantile="q",z="1"} 1',
    'instance="",job="j",le="1",quantile="q",z="1"',
  ],
];

suite('labels of a group', () => {
  for (const [what, key, line, labels] of CASES) {
    test(what, () => {
      const group = groupLabels(key);
      for (const end of ['\n', ' \n', '']) {
        const { entries, errors } = parse(`${line}${end}`, { group });
        assert.deepEqual(errors, []);
        const [{ text, hash, features }] = entries;
        assert.equal(text, `x{${labels}} 1\n`);
        assert.equal(hash, hashOf(labels));
        assert.equal(features, labels.includes('"=') ? FEATURE_QUOTED_NAMES : 0);

        // Lines that are like the one before go another way.
        const again = parse(`${line}\n`.repeat(7) + line + end, { group });
        assert.deepEqual(
          again.entries.map((entry) => [entry.text, entry.hash, entry.features]),
          Array.from({ length: 8 }, () => [text, hash, features]),
        );
      }
    });
  }

  test('are set on every line of a histogram, before le', () => {
    const { text, entries, errors } = parse(
      `# TYPE h histogram
h_bucket{le="1",z="1"} 1
h_bucket{z="1",le="+Inf"} 2
h_sum{z="1",job="k"} 3
h_sum{z="1"} 3
h_count{z="1"} 2
h_count{a=""} 0
`,
      {
        group: groupLabels([
          ['job', 'j'],
          ['p', 'q'],
        ]),
      },
    );
    assert.deepEqual(
      errors.map(({ line }) => line),
      [4],
    );
    assert.equal(
      text,
      `h_bucket{instance="",job="j",p="q",z="1",le="1"} 1
h_bucket{instance="",job="j",p="q",z="1",le="+Inf"} 2
h_sum{instance="",job="j",p="q",z="1"} 3
h_count{instance="",job="j",p="q",z="1"} 2
h_bucket{a="",instance="",job="j",p="q",le="+Inf"} 0
h_sum{a="",instance="",job="j",p="q"} 0
h_count{a="",instance="",job="j",p="q"} 0
`,
    );
    assert.deepEqual(
      entries.map(({ hash }) => hash),
      [hashOf('instance="",job="j",p="q",z="1"'), hashOf('a="",instance="",job="j",p="q"')],
    );
  });

  test('tell of which text they are', () => {
    assert.equal(
      groupLabels([
        ['job', 'j'],
        ['z', '"'],
      ]).text(),
      'instance="",job="j",z="\\""',
    );
  });

  test('do not give the bound of a histogram or summary', () => {
    const group = groupLabels([
      ['job', 'j'],
      ['le', '1'],
    ]);
    const { text, rejected } = parse('# TYPE h histogram\nh_count 1\n# TYPE s summary\ns_count 1\n', {
      group,
    });
    assert.deepEqual(rejected, { incomplete_histogram: 1 });
    assert.equal(text, 's_sum{instance="",job="j",le="1"} 0\ns_count{instance="",job="j",le="1"} 1\n');
  });
});

const labelName = fc.oneof(
  fc.constantFrom('a', 'b', 'instance', 'job', 'z', 'le', 'quantile'),
  fc
    .array(fc.constantFrom('a', 'j', '.', '"', '\\', '\n', 'é', '1', '_'), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('')),
);
const labelValue = fc
  .array(fc.constantFrom('a', ' ', '\\', '"', '\n', '😀', '}', ',', '='), { maxLength: 4 })
  .map((parts) => parts.join(''));
const labels = fc.uniqueArray(fc.tuple(labelName, labelValue), { selector: ([name]) => name, maxLength: 6 });

function form(all: Iterable<readonly [string, string]>): string {
  return [...all]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => {
      const quote = /^[a-zA-Z_]\w*$/.test(name) ? '' : '"';
      return `${quote}${escapeQuoted(name)}${quote}="${escapeQuoted(value)}"`;
    })
    .join(',');
}

suite('any labels of a group', () => {
  test('are set on any series, and what comes out stays the same without a group', () => {
    fc.assert(
      fc.property(labels, fc.array(labels, { maxLength: 8 }), (key, series) => {
        const group = groupLabels(key);
        const lines = series.map((pairs, i) => `x{${pairs.map((pair) => form([pair])).join(',')}} ${i}\n`);
        const { entries, errors } = parse(lines.join(''), { group });
        assert.deepEqual(errors, []);
        const expected = series.map((pairs) => form(new Map([['instance', ''], ...pairs, ...key])));
        assert.deepEqual(
          entries.map(({ text, hash }) => [text, hash]),
          expected.map((inside, i) => [`x{${inside}} ${i}\n`, hashOf(inside)]),
        );
        // Without a group the empty labels go.
        const again = parse(entries.map(({ text }) => text).join(''));
        const left = series.map((pairs) => {
          return form([...new Map([...pairs, ...key])].filter(([, value]) => value !== ''));
        });
        assert.deepEqual(
          again.entries.map(({ text }) => text),
          left.map((inside, i) => `x${inside && `{${inside}}`} ${i}\n`),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('are set on any histogram', () => {
    fc.assert(
      fc.property(labels, labels, (key, pairs) => {
        const own = pairs.filter(([name]) => name !== 'le');
        const ofGroup = key.filter(([name]) => name !== 'le');
        const inside = own.map((pair) => form([pair]));
        const body = `# TYPE h histogram
h_bucket{${[...inside, 'le="1"'].join(',')}} 1
h_count{${[...inside].reverse().join(',')}} 2
`;
        const { entries, errors } = parse(body, { group: groupLabels(ofGroup) });
        assert.deepEqual(errors, []);
        const merged = form(new Map([['instance', ''], ...own, ...ofGroup]));
        assert.deepEqual(
          entries.map(({ text, hash }) => [text, hash]),
          [
            [
              `h_bucket{${merged},le="1"} 1\nh_bucket{${merged},le="+Inf"} 2\nh_sum{${merged}} 0\nh_count{${merged}} 2\n`,
              hashOf(merged),
            ],
          ],
        );
      }),
    );
  });
});
