import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  BlockView,
  FEATURE_EXTRAS,
  FEATURE_QUOTED_NAMES,
  FEATURE_TIMESTAMPS,
} from '../../../src/redis/block.ts';
import { Arena } from '../../../src/redis/byte-pool.ts';
import { BlockBuilder } from '../../../src/workers/block-builder.ts';
import { TextParser } from '../../../src/workers/exposition/text-parser.ts';
import { SeriesHash } from '../../../src/workers/identity.ts';
import { hashOf, parse, SECRET } from './parsing.ts';

const extended = { extended: true, timestamps: 'honor' } as const;

/** Extras as converters put them at the end of a line. */
const EXTRAS: readonly string[] = [
  ' #c 1700000000.123',
  ' #c 1.7e9',
  ' #n KAEwAQ==',
  ' # {} 1',
  ' # {trace_id="a b",span="}\\" #"} 0.5',
  ' # {"a.b"="c"} 0.5 1700000000.5',
  ' #c 1 #n KAE= # {a="b"} 1 2',
];

const BAD_EXTRAS: readonly string[] = [
  ' #',
  ' # ',
  ' # x',
  ' #c',
  ' #c ',
  ' #c x',
  ' #n ',
  ' #x 1',
  ' # {',
  ' # {a="b',
  ' # {a="b"}',
  ' # {a="b"} x',
  ' # {a="b"} 1 x',
  ' # {a="b"} 1 2 3',
  ' #c 1 x',
  ' #c 1  #n a',
];

suite('extras', () => {
  for (const extra of EXTRAS) {
    test(`${extra} is kept`, () => {
      for (const line of [`x{a="1"} 1${extra}`, `x{a="1"} 1 1700${extra}`, ` x { a="1" } 1${extra} \t`]) {
        const { text, entries, errors } = parse(`${line}\n`, extended);
        assert.deepEqual(errors, []);
        const timestamp = line.includes(' 1700 ') && !extra.startsWith(' 1700') ? ' 1700' : '';
        assert.equal(text, `x{a="1"} 1${timestamp}${extra}\n`);
        const [{ features, hash }] = entries;
        assert.equal(features, FEATURE_EXTRAS | (timestamp === '' ? 0 : FEATURE_TIMESTAMPS));
        assert.equal(hash, hashOf('a="1"'));
      }
    });
  }

  for (const extra of BAD_EXTRAS) {
    test(`${extra} is refused`, () => {
      const { rejected, text } = parse(`x 1${extra}\ny 1\n`, extended);
      assert.deepEqual(rejected, { syntax: 1 });
      assert.equal(text, 'y 1\n');
    });
  }

  test('are mistakes in a body that no converter has made', () => {
    for (const extra of EXTRAS) assert.deepEqual(parse(`x 1${extra}\n`).rejected, { syntax: 1 });
  });

  test('stay when timestamps are stripped', () => {
    const { text, entries } = parse('x 1 5 #c 7\n', { extended: true, timestamps: 'strip' });
    assert.equal(text, 'x 1 #c 7\n');
    assert.equal(entries[0].features, FEATURE_EXTRAS);
  });

  test('of histograms stay with their lines, and are not filled in with a value', () => {
    const { text, entries, errors } = parse(
      `# TYPE x histogram
x_count 2 5 #c 7 #n KAE=
x_sum 3 5
x_bucket{le="1"} 2 5 # {a="b"} 0.5
# TYPE y histogram
y_bucket{le="+Inf"} 2 # {a="b"} 0.5
# TYPE z gaugehistogram
z_count 2
z_sum -1
z_bucket{le="+Inf"} 2
`,
      extended,
    );
    assert.deepEqual(errors, []);
    assert.equal(
      text,
      `x_bucket{le="1"} 2 5 # {a="b"} 0.5
x_bucket{le="+Inf"} 2 5
x_sum 3 5
x_count 2 5 #c 7 #n KAE=
y_bucket{le="+Inf"} 2 # {a="b"} 0.5
y_sum 0
y_count 2
z_bucket{le="+Inf"} 2
z_sum -1
z_count 2
`,
    );
    assert.deepEqual(
      entries.map(({ features }) => features),
      [FEATURE_EXTRAS | FEATURE_TIMESTAMPS, FEATURE_EXTRAS, 0],
    );
  });
});

suite('extended metadata', () => {
  const TYPES = [
    ['counter', 'counter', 'plain'],
    ['GaugeHistogram', 'gaugehistogram', 'histogram'],
    ['info', 'info', 'plain'],
    ['stateset', 'stateset', 'plain'],
    ['unknown', 'untyped', 'plain'],
  ] as const;

  test('has the types of OpenMetrics', () => {
    for (const [word, type, kind] of TYPES) {
      const [family] = parse(`# TYPE x ${word}\n`, extended).families;
      assert.deepEqual([family.type, family.kind], [type, kind]);
    }
    assert.deepEqual(parse('# TYPE x bla\n', extended).messages, [
      'Expected counter, gauge, histogram, summary or untyped or one of OpenMetrics as type, found "bla".',
    ]);
  });

  test('has units', () => {
    const text = '# TYPE x gauge\n# UNIT x seconds\n# UNIT "a.b" some unit\nx 1\n{"a.b"} 1\n';
    assert.deepEqual(
      parse(text, extended).families.map(({ name, unit }) => [name, unit]),
      [
        ['x', 'seconds'],
        ['a.b', 'some unit'],
      ],
    );
    assert.deepEqual(
      parse(text).families.map(({ unit }) => unit),
      [undefined, undefined],
    );
    assert.deepEqual(parse('# UNIT x a\n# UNIT x b\n', extended).messages, [
      'Expected one unit for x, found "b".',
    ]);
  });

  test('of an earlier block holds', () => {
    const declared = new Map([['x', 'gaugehistogram' as const]]);
    const { families } = parse('x_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n', { declared, whole: false });
    assert.deepEqual(
      families.map(({ name, kind, type, entries }) => [name, kind, type, entries]),
      [['x', 'histogram', 'gaugehistogram', 1]],
    );
  });
});

test('a block has the features of its entries, and of no others', () => {
  const hash = new SeriesHash(SECRET);
  const text = `x{a="1"} 1
y{a="2"} 2 5
y{a="1"} 1
{"z.z"} 1 5 #c 1
w{a="1"} 1
`;
  const parser = new TextParser(hash);
  const builder = new BlockBuilder(hash);
  const featuresOf = (body: string): number[] => {
    const options = { ...extended, whole: true, declared: new Map() };
    const arena = new Arena(Arena.pool());
    const families = builder.build(parser.parse(Buffer.from(body), options), arena);
    return families.map(([{ value }]) => BlockView.of(value).features);
  };
  const all = FEATURE_EXTRAS | FEATURE_TIMESTAMPS | FEATURE_QUOTED_NAMES;
  assert.deepEqual(featuresOf(text), [0, FEATURE_TIMESTAMPS, all, 0]);
  assert.deepEqual(
    featuresOf('a 1\nb 1\nb 2\nc 1\nd 1\n'),
    [0, 0, 0, 0],
    'nothing is left of the body before',
  );
});
