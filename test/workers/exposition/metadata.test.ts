import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parse } from './parsing.ts';

suite('TYPE', () => {
  test('says the type of a family, in any case of letters and with blanks anywhere', () => {
    const text =
      '# TYPE a counter\n#TYPE b GAUGE\r\n \t#  TYPE\tc \tUntyped \t\n# TYPE d Histogram\n# TYPE e summary';
    assert.deepEqual(
      parse(text).families.map(({ name, type, kind, typeLine, firstLine, entries }) => {
        return [name, type, kind, typeLine, firstLine, entries];
      }),
      [
        ['a', 'counter', 'plain', 1, 1, 0],
        ['b', 'gauge', 'plain', 2, 2, 0],
        ['c', 'untyped', 'plain', 3, 3, 0],
        ['d', 'histogram', 'histogram', 4, 4, 0],
        ['e', 'summary', 'summary', 5, 5, 0],
      ],
    );
  });

  test('may come after the samples, and twice if it is the same', () => {
    const { families, errors } = parse('x 1\n# TYPE x gauge\nx{a="1"} 1\n# TYPE x gauge\n');
    assert.deepEqual(errors, []);
    const [{ type, entries, firstLine, typeLine }] = families;
    assert.deepEqual([type, entries, firstLine, typeLine], ['gauge', 2, 1, 2]);
  });

  test('a second one that says otherwise is refused', () => {
    const { families, errors, rejected } = parse('# TYPE x counter\n# TYPE x untyped\nx 1\n');
    assert.equal(families[0].type, 'counter');
    assert.deepEqual(rejected, { syntax: 1 });
    assert.deepEqual(errors, [
      { line: 2, message: 'Expected one type for x, here counter, found "untyped".' },
    ]);
  });

  test('histogram and summary count before other types, wherever they stand', () => {
    const { families, errors } = parse(
      '# TYPE x gauge\nx_sum 1\nx_count 1\n# TYPE x summary\n# TYPE x histogram\n',
    );
    assert.deepEqual(
      families.map(({ name, type, entries }) => [name, type, entries]),
      [['x', 'summary', 1]],
    );
    assert.deepEqual(
      errors.map(({ line }) => line),
      [1, 5],
    );
  });

  test('what earlier blocks of the body have declared holds', () => {
    const declared = new Map([['x', 'histogram' as const]]);
    const text = '# TYPE x summary\nx_bucket{le="1"} 1\nx_sum 1\nx_count 1\n';
    const { families, errors } = parse(text, { declared });
    assert.deepEqual(
      families.map(({ name, type, entries, typeLine }) => [name, type, entries, typeLine]),
      [['x', 'histogram', 1, 0]],
    );
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['Expected one type for x, here histogram, found "summary".'],
    );
  });

  test('a family without samples is a family, without TYPE it has no type', () => {
    const { families } = parse('# TYPE x gauge\n# HELP y help\nz 1\n');
    assert.deepEqual(
      families.map(({ name, type, help, entries, typeLine }) => [name, type, help, entries, typeLine]),
      [
        ['x', 'gauge', undefined, 0, 1],
        ['y', undefined, 'help', 0, 0],
        ['z', undefined, undefined, 1, 0],
      ],
    );
  });
});

suite('HELP', () => {
  const help = (line: string): string | undefined => parse(`${line}\n`).families[0]?.help;

  test('is kept as it stands, escapes and all', () => {
    assert.equal(help('# HELP x two-line\\n doc  str\\\\ing é'), 'two-line\\n doc  str\\\\ing é');
    assert.equal(help(' # HELP  x  \tdoc str"ing 2 \t'), 'doc str"ing 2 \t');
    assert.equal(help('# HELP x doc\r'), 'doc');
    assert.equal(help('# HELP x \\\\n'), '\\\\n');
  });

  test('loses the backslash before a quote, which older parsers refuse', () => {
    assert.equal(help('# HELP x a \\"b\\" \\\\" \\\\\\" \\n'), 'a "b" \\\\" \\\\" \\n');
  });

  test('may stand after the samples, and twice if it is the same', () => {
    const { families, errors } = parse('x 1\n# HELP x a\n# HELP x a\n');
    assert.deepEqual(errors, []);
    assert.equal(families[0].help, 'a');
  });

  test('a second one that says otherwise is refused', () => {
    const { families, errors } = parse('# HELP x one\n# HELP x two\n');
    assert.equal(families[0].help, 'one');
    assert.deepEqual(errors, [{ line: 2, message: 'Expected one help text for x, found "two".' }]);
  });

  test('of a part of a histogram or summary is none of its own', () => {
    const { families, errors } = parse(
      '# TYPE x histogram\n# HELP x_count a\n# HELP x_bucket b\n# HELP x c\n',
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(
      families.map(({ name, help: text }) => [name, text]),
      [['x', 'c']],
    );
  });
});

suite('a name that looks like part of a histogram', () => {
  const families = (text: string): unknown => {
    const parsed = parse(text);
    assert.deepEqual(parsed.errors, []);
    return parsed.entries.map(({ family, text: lines }) => [family, lines]);
  };

  test('is its own family if nothing else is known', () => {
    assert.deepEqual(families('x_count 1\nx_sum 2\nx_bucket{le="1"} 3\n'), [
      ['x_count', 'x_count 1\n'],
      ['x_sum', 'x_sum 2\n'],
      ['x_bucket', 'x_bucket{le="1"} 3\n'],
    ]);
  });

  test('is its own family if it has a TYPE of its own', () => {
    const text = '# TYPE x histogram\n# TYPE x_count gauge\nx_count 1\nx_bucket{le="+Inf"} 2\n';
    assert.deepEqual(families(text), [
      ['x_count', 'x_count 1\n'],
      ['x', 'x_bucket{le="+Inf"} 2\nx_sum 0\nx_count 2\n'],
    ]);
  });

  test('is its own family beside a gauge or counter', () => {
    assert.deepEqual(families('# TYPE x counter\nx 1\nx_count 1\nx_bucket 1\n'), [
      ['x', 'x 1\n'],
      ['x_count', 'x_count 1\n'],
      ['x_bucket', 'x_bucket 1\n'],
    ]);
  });

  test('_bucket is its own family beside a summary', () => {
    assert.deepEqual(families('# TYPE x summary\nx_bucket{le="1"} 1\nx_count 2\nx_sum 3\n'), [
      ['x_bucket', 'x_bucket{le="1"} 1\n'],
      ['x', 'x_sum 3\nx_count 2\n'],
    ]);
  });

  test('belongs to the histogram whose TYPE comes later', () => {
    assert.deepEqual(families('x_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n# TYPE x histogram\n'), [
      ['x', 'x_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n'],
    ]);
  });

  test('an empty name before the suffix is no family', () => {
    assert.deepEqual(families('_count 1\n'), [['_count', '_count 1\n']]);
  });
});
