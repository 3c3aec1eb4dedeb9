import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { groupLabels } from '../../../src/workers/exposition/group-labels.ts';
import { hashOf, parse } from './parsing.ts';

/** Label values as they stand in the format; small alphabets, so that things meet. */
const value = fc
  .array(fc.constantFrom('a', 'b', ' ', '\\\\', '\\"', '\\n', 'é', '😀', '{', '}', ',', '=', '#', '\t'), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));
const labelName = fc.stringMatching(/^[a-c_][a-c0-1_]{0,3}$/).filter((name) => name !== '__name__');
const labels = fc
  .uniqueArray(fc.tuple(labelName, value), { selector: ([name]) => name, maxLength: 20 })
  .map((pairs) => pairs as Array<[string, string]>);
const metricName = fc.stringMatching(/^[a-c_:][a-c0-1_:]{0,5}$/);
const number = fc.oneof(
  fc.double().map((x) => (x === Infinity ? '+Inf' : x === -Infinity ? '-Inf' : String(x))),
  fc.constantFrom('1', '.5', '5.', '+1', 'inf', 'nan', '1E5'),
);
const blanks = fc.constantFrom('', '', ' ', '\t', '  ');

/** A sample as a client may write it. */
const written = fc.record({
  name: metricName,
  labels,
  number,
  blanks: fc.array(blanks, { minLength: 5, maxLength: 5 }),
  end: fc.constantFrom('\n', '\n', '\r\n', ' \n', ' 5\n'),
  trailingComma: fc.boolean(),
});

type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;

function write({
  name,
  labels: pairs,
  number: text,
  blanks: [a, b, c, d, e],
  end,
  trailingComma,
}: Written): string {
  const inside = pairs.map(([label, of]) => `${a}${label}${b}=${c}"${of}"${d}`).join(',');
  const braces =
    pairs.length > 0 || b === ' ' ? `{${inside}${pairs.length > 0 && trailingComma ? ',' : ''}}` : '';
  return `${e}${name}${d}${braces}${braces === '' || a === '' ? ' ' : ''}${text}${end}`;
}

function canonical(pairs: ReadonlyArray<readonly [string, string]>): string {
  return pairs
    .filter(([, of]) => of !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, of]) => `${name}="${of}"`)
    .join(',');
}

function canonicalLine({ name, labels: pairs, number: text }: Written): string {
  const inside = canonical(pairs);
  return `${name}${inside && `{${inside}}`} ${text}\n`;
}

suite('any series', () => {
  test('is stored in canonical form and identified by it, however it is written', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 20 }), (samples) => {
        const { entries, errors } = parse(samples.map(write).join(''));
        assert.deepEqual(errors, []);
        assert.deepEqual(
          entries.map(({ family, text, hash, line }) => [family, text, hash, line]),
          samples.map((sample, i) => {
            return [sample.name, canonicalLine(sample), hashOf(canonical(sample.labels)), i + 1];
          }),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('has one identity, whatever the order of its labels and however many of them are empty', () => {
    fc.assert(
      fc.property(metricName, labels, labels, fc.nat(), (name, pairs, more, turn) => {
        const names = new Set(pairs.map(([label]) => label));
        const empty = more
          .filter(([label]) => !names.has(label))
          .map(([label]): [string, string] => [label, '']);
        const all = [...pairs, ...empty];
        const turned = [
          ...all.slice(turn % (all.length + 1)),
          ...all.slice(0, turn % (all.length + 1)),
        ].reverse();
        const line = (of: Array<[string, string]>): string =>
          `${name}{${of.map(([label, text]) => `${label}="${text}"`).join(',')}} 1\n`;
        const { entries } = parse(line(pairs) + line(turned));
        assert.equal(entries[0].hash, entries[1].hash);
      }),
    );
  });

  test('has an identity of its own', () => {
    const hashes = new Set<string>();
    const texts = new Set<string>();
    fc.assert(
      fc.property(labels, (pairs) => {
        texts.add(canonical(pairs));
        hashes.add(
          parse(`x{${pairs.map(([label, of]) => `${label}="${of}"`).join(',')}} 1\n`).entries[0].hash,
        );
      }),
      { numRuns: 500 },
    );
    assert.equal(hashes.size, texts.size);
  });
});

suite('any lines of like labels', () => {
  const pieces = fc.constantFrom('a', 'b', 'ab', 'é', ' ', ',', '}', '=', '\\\\', '\\"', '\\n', '\\x', '"');
  const raw = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.array(
        pieces.filter((piece) => !/^(\\.|")$/.test(piece)),
        { maxLength: 5 },
      ),
    },
    { weight: 1, arbitrary: fc.array(pieces, { maxLength: 5 }) },
  );
  const line = fc
    .tuple(
      fc.constantFrom(['a', 'b', 'c'], ['a', 'b', 'c'], ['a', 'b'], ['b', 'a'], ['ab']),
      fc.array(raw, { minLength: 3 }),
    )
    .map(
      ([names, values]) => `x{${names.map((name, i) => `${name}="${values[i].join('')}"`).join(',')}} 1\n`,
    );

  test('are read as each would be alone', () => {
    const key = [
      ['aa', '1'],
      ['b', '2'],
      ['job', 'j'],
    ] as const;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), fc.boolean(), (some, isGroup) => {
        // The group's labels take another way when many lines are alike.
        const lines = some.flatMap((text) => Array.from({ length: 6 }, () => text));
        const options = isGroup ? { group: groupLabels(key) } : {};
        const together = parse(lines.join(''), options);
        const alone = lines.map((text) => parse(text, options));
        assert.deepEqual(
          together.entries.map(({ text, hash }) => [text, hash]),
          alone.flatMap(({ entries }) => entries.map(({ text, hash }) => [text, hash])),
        );
        assert.equal(
          together.rejected.syntax ?? 0,
          alone.reduce((sum, { rejected }) => sum + (rejected.syntax ?? 0), 0),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

suite('any text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          'x',
          '_sum',
          '_bucket',
          '{',
          '}',
          '"',
          '\\',
          ',',
          '=',
          ' ',
          '\n',
          'le',
          '1',
          '#',
          ' TYPE ',
        ),
        {
          maxLength: 60,
        },
      )
      .map((parts) => Buffer.from(`# TYPE x histogram\n${parts.join('')}`)),
    fc.array(fc.oneof(written.map(write), fc.string())).map((parts) => Buffer.from(parts.join(''))),
  );

  test('is taken line by line: no line counts twice, none is lost', () => {
    fc.assert(
      fc.property(bytes, fc.boolean(), (text, whole) => {
        const buffer = Buffer.from(text);
        const { lines, entries, rejected, errors } = parse(buffer, { whole });
        const newlines = buffer.filter((byte) => byte === 0x0a).length;
        assert.equal(lines, newlines + (buffer.length > 0 && buffer.at(-1) !== 0x0a ? 1 : 0));
        const samples = entries.reduce((sum, entry) => sum + entry.samples, 0);
        const refused = Object.values(rejected).reduce((sum, n) => sum + n, 0);
        assert.ok(samples + refused <= lines);
        assert.equal(errors.length === 0, refused === 0);
        for (const { line } of errors) assert.ok(line >= 1 && line <= lines);
      }),
      { numRuns: 2000 },
    );
  });

  test('what comes out goes in again and stays the same', () => {
    fc.assert(
      fc.property(bytes, (text) => {
        const first = parse(Buffer.from(text));
        const types = first.families.flatMap(({ name, type }) => (type ? [`# TYPE ${name} ${type}\n`] : []));
        const second = parse(types.join('') + first.text, { whole: false });
        assert.deepEqual(second.errors, []);
        assert.equal(second.text, first.text);
        assert.deepEqual(
          second.entries.map(({ hash }) => hash),
          first.entries.map(({ hash }) => hash),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

test('any histogram comes back whole, whatever the order of its lines', () => {
  const bounds = fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(bounds, labels, fc.integer(), fc.boolean(), (les, pairs, seed, infinite) => {
      const own = pairs.filter(([name]) => name !== 'le');
      const braces = (...extra: string[]): string => {
        const all = [...own.map(([name, of]) => `${name}="${of}"`), ...extra];
        return all.length > 0 ? `{${all.join(',')}}` : '';
      };
      const input = les.map((le, i) => `x_bucket${braces(`le="${le}"`)} ${i}\n`);
      if (infinite) input.push(`x_bucket${braces('le="+Inf"')} 100\n`);
      input.push(`x_sum${braces()} 5\n`, `x_count${braces()} 100\n`);
      const order = input
        .map((line, i) => [Math.imul(i + 1, seed | 1), line] as const)
        .sort(([a], [b]) => a - b);
      const { entries, errors } = parse(`# TYPE x histogram\n${order.map(([, line]) => line).join('')}`, {
        whole: false,
      });
      assert.deepEqual(errors, []);
      assert.equal(entries.length, 1);
      assert.equal(entries[0].hash, hashOf(canonical(own)));
      const stored = entries[0].text.split('\n').slice(0, -1);
      const rendered = stored.slice(0, -2).map((line) => /le="([^"]*)"/.exec(line)?.[1] ?? '');
      const distinct = [...new Set(les.map((le) => le + 0))].sort((a, b) => a - b);
      assert.deepEqual(rendered.slice(0, -1).map(Number), distinct);
      assert.equal(rendered.at(-1), '+Inf');
      assert.match(stored.at(-2) ?? '', /^x_sum.* 5$/);
      assert.match(stored.at(-1) ?? '', /^x_count.* 100$/);
    }),
  );
});

test('where nothing declares histograms or summaries, types say the same as where something else has', () => {
  const line = fc.constantFrom(
    ...[
      '# TYPE a gauge',
      '# TYPE a counter',
      '# TYPE a_sum untyped',
      '# TYPE a_sum gauge',
      '#TYPE b\tGAUGE ',
      '# TYPE b wrong',
    ],
    ...[
      '# TYPE',
      '# HELP a Some text.',
      '# HELP b x',
      'a 1',
      'a_sum 2',
      'a_count{x="1"} 3',
      'a_bucket{le="1"} 4',
      'b 5',
      'b{',
      '',
    ],
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.boolean(), (lines, whole) => {
      const text = lines.map((each) => `${each}\n`).join('');
      const elsewhere = new Map([['other', 'histogram' as const]]);
      assert.deepEqual(parse(text, { whole }), parse(text, { whole, declared: elsewhere }));
    }),
    { numRuns: 2000 },
  );
});
