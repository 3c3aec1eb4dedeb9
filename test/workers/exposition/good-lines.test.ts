import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hashOf, parse } from './parsing.ts';

/** A line, what is stored of it, and the labels that identify it. */
const GOOD: ReadonlyArray<readonly [what: string, line: string, stored: string, identity: string]> = [
  ['a bare sample', 'x 1', 'x 1', ''],
  ['labels in order', 'x{a="1",b="2"} 3', 'x{a="1",b="2"} 3', 'a="1",b="2"'],
  ['labels out of order', 'x{b="2",a="1"} 3', 'x{a="1",b="2"} 3', 'a="1",b="2"'],
  ['a name before its extension', 'x{ab="2",a="1"} 3', 'x{a="1",ab="2"} 3', 'a="1",ab="2"'],
  [
    'capitals before underscore before small letters',
    'x{a="",_="1",A="2"} 3',
    'x{A="2",_="1"} 3',
    'A="2",_="1"',
  ],
  ['empty braces', 'x{} 1', 'x 1', ''],
  ['empty braces with a blank', 'x{ } 1', 'x 1', ''],
  ['an empty value', 'x{a="",b="2"} 1', 'x{b="2"} 1', 'b="2"'],
  ['nothing but empty values', 'x{a="",b=""} 1', 'x 1', ''],
  ['a trailing comma', 'x{a="1",} 1', 'x{a="1"} 1', 'a="1"'],
  [
    'blanks and tabs everywhere',
    ' \tx \t{ a\t= "1" ,\tb = "2" , } \t1 \t',
    'x{a="1",b="2"} 1',
    'a="1",b="2"',
  ],
  ['no blank before the value', 'x{a="1"}-Inf', 'x{a="1"} -Inf', 'a="1"'],
  ['two blanks before the value', 'x  1', 'x 1', ''],
  ['blanks after the value', 'x 1  \t', 'x 1', ''],
  ['a blank value', 'x{a=" "} 1', 'x{a=" "} 1', 'a=" "'],
  ['colons in the name', ':x:y_1 1', ':x:y_1 1', ''],
  ['escapes', 'x{a="\\\\ \\" \\n"} 1', 'x{a="\\\\ \\" \\n"} 1', 'a="\\\\ \\" \\n"'],
  ['an escaped backslash at the end', 'x{a="\\\\",b="1"} 1', 'x{a="\\\\",b="1"} 1', 'a="\\\\",b="1"'],
  ['escapes out of order', 'x{b="\\"",a="\\\\"} 1', 'x{a="\\\\",b="\\""} 1', 'a="\\\\",b="\\""'],
  ['what looks like syntax within a value', 'x{a="},b=\\"{ #"} 1', 'x{a="},b=\\"{ #"} 1', 'a="},b=\\"{ #"'],
  ['UTF-8', 'x{a="Björn 佖佥 😀"} 1', 'x{a="Björn 佖佥 😀"} 1', 'a="Björn 佖佥 😀"'],
  [
    'control characters in a value',
    'x{a="\0\x01\t\r\x7f"} 1',
    'x{a="\0\x01\t\r\x7f"} 1',
    'a="\0\x01\t\r\x7f"',
  ],
  [
    'le and quantile of a plain series',
    'x{le="b",quantile="c"} 1',
    'x{le="b",quantile="c"} 1',
    'le="b",quantile="c"',
  ],
  [
    'a label with underscores first',
    'x{__a="1",__name="2"} 1',
    'x{__a="1",__name="2"} 1',
    '__a="1",__name="2"',
  ],
  ['a single underscore as name', '_{_="1"} 1', '_{_="1"} 1', '_="1"'],
];

const VALUES: readonly string[] = [
  ...[
    '0',
    '-0',
    '+1',
    '08',
    '1.5',
    '.5',
    '5.',
    '-.5',
    '1e3',
    '1E+03',
    '1e-3',
    '1.5e300',
    '1e308',
    '5e-324',
    '1e-999',
  ],
  ...[
    '1.7976931348623157e308',
    '0e99999999999',
    `1${'0'.repeat(308)}`,
    `${'0'.repeat(400)}1`,
    '123456789012345678',
  ],
  ...['NaN', 'nan', 'NAN', 'Inf', '+Inf', '-INF', 'inf', 'infinity', '+Infinity', '-iNfInItY'],
];

suite('good lines', () => {
  for (const [what, line, stored, identity] of GOOD) {
    test(what, () => {
      for (const end of ['\n', '\r\n', '']) {
        const { text, entries, errors, lines } = parse(`${line}${end}`);
        assert.deepEqual(errors, []);
        assert.equal(text, `${stored}\n`);
        assert.equal(lines, 1);
        assert.equal(entries[0].hash, hashOf(identity));
        assert.deepEqual([entries[0].line, entries[0].samples], [1, 1]);
      }
    });
  }

  test('every spelling of a value passes through unchanged', () => {
    for (const value of VALUES) {
      for (const line of [`x ${value}`, `x{a="1"} ${value}`, `x{b="1",a="2"} ${value}\t`]) {
        const { text, messages } = parse(`${line}\n`);
        assert.deepEqual(messages, []);
        assert.ok(text.endsWith(` ${value}\n`), line);
      }
    }
  });

  test('lines that say nothing are no mistake', () => {
    const nothing = ['', ' \t', '#', '# ', '#comment', '# é', '# EOF', '# HELPx y z', '# UNIT x y'];
    nothing.push('# HELP', '# TYPE ', '# TYPE x', '# HELP x', '# HELP x \t');
    const parsed = parse(`${nothing.join('\n')}\n`);
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(parsed.families, []);
    assert.equal(parsed.lines, nothing.length);
  });

  test('lines are numbered whatever they are', () => {
    const { entries, lines } = parse('\n\r\n# c\nx 1\n\n  \ny 2\nz{ } 3');
    assert.deepEqual(
      entries.map(({ line, text }) => [line, text]),
      [
        [4, 'x 1\n'],
        [7, 'y 2\n'],
        [8, 'z 3\n'],
      ],
    );
    assert.equal(lines, 8);
  });

  test('an empty block is empty', () => {
    assert.deepEqual(parse('').entries, []);
    assert.equal(parse('').lines, 0);
    assert.equal(parse('\n').lines, 1);
  });

  test('a byte order mark is skipped at the start and nowhere else', () => {
    assert.equal(parse('\uFEFFx 1\n').text, 'x 1\n');
    assert.equal(parse('\uFEFF# TYPE x gauge\nx 1\n').families[0].type, 'gauge');
    assert.deepEqual(parse('x 1\n\uFEFFx 2\n').rejected, { syntax: 1 });
  });

  test('lines in canonical form stay where they are, side by side', () => {
    const text = 'x{a="1"} 1\nx{a="2"} 2\nxy 3\n';
    assert.equal(parse(text).text, text);
  });

  test('a series that stands twice is in there twice, with one identity', () => {
    const { entries } = parse('x{a="1",b="2"} 1\nx{b="2",a="1"} 2\n');
    assert.equal(entries.length, 2);
    assert.equal(entries[0].hash, entries[1].hash);
  });

  test('families may be interleaved; names that begin alike are kept apart', () => {
    const { entries, families } = parse('x 1\nxy 1\nx 2\nxyz 1\nxy 2\ny 1\n');
    assert.deepEqual(
      entries.map(({ family }) => family),
      ['x', 'xy', 'x', 'xyz', 'xy', 'y'],
    );
    assert.deepEqual(
      families.map(({ name, entries: count, firstLine }) => [name, count, firstLine]),
      [
        ['x', 2, 1],
        ['xy', 2, 2],
        ['xyz', 1, 4],
        ['y', 1, 6],
      ],
    );
  });
});

suite('timestamps', () => {
  const body = 'x 1 1700000000000\ny{a="1"} 2 \t5 \nz 3\n';

  test('strip drops them', () => {
    assert.equal(parse(body, { timestamps: 'strip' }).text, 'x 1\ny{a="1"} 2\nz 3\n');
    assert.equal(parse('x 1 -5\n', { timestamps: 'strip' }).text, 'x 1\n');
  });

  test('honor keeps them', () => {
    assert.equal(parse(body, { timestamps: 'honor' }).text, 'x 1 1700000000000\ny{a="1"} 2 5\nz 3\n');
    assert.equal(parse('x 1 +5\n', { timestamps: 'honor' }).text, 'x 1 5\n');
    assert.equal(
      parse('x 1 9223372036854775807\n', { timestamps: 'honor' }).text,
      'x 1 9223372036854775807\n',
    );
  });

  test('honor refuses those that would cost the whole scrape: Prometheus reads digits only', () => {
    const { rejected, messages } = parse('x 1 -5\n', { timestamps: 'honor' });
    assert.deepEqual(rejected, { timestamp: 1 });
    assert.deepEqual(messages, ['Expected no timestamp before 1970, found "-5".']);
  });

  test('reject refuses the lines that have one', () => {
    const { text, rejected, messages } = parse(body, { timestamps: 'reject' });
    assert.equal(text, 'z 3\n');
    assert.deepEqual(rejected, { timestamp: 2 });
    assert.equal(messages[0], 'Expected no timestamp (--ingest.timestamps=reject), found "1700000000000".');
  });

  test('what is no timestamp is a mistake under every policy', () => {
    for (const timestamps of ['strip', 'honor', 'reject'] as const) {
      for (const bad of [
        '1.5',
        'now',
        '1e3',
        '9223372036854775808',
        '-9223372036854775809',
        '-',
        '0x1',
        '1_0',
      ]) {
        assert.deepEqual(parse(`x 1 ${bad}\n`, { timestamps }).rejected, { syntax: 1 }, bad);
      }
    }
  });
});
