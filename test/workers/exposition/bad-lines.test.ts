import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_LABELS } from '../../../src/workers/exposition/line-labels.ts';
import { parse } from './parsing.ts';

const NAME = 'Expected a metric name';
const LABEL = 'Expected a label name';
const VALUE = 'Expected a number as value';
const TIMESTAMP = 'Expected a timestamp in whole milliseconds after the value';
const ESCAPE = 'Expected no escape but \\\\, \\" and \\n in a label value';
const ESCAPE_IN_NAME = 'Expected no escape but \\\\, \\" and \\n in a quoted name';
const UTF8 = 'Expected valid UTF-8';

/** A line and what is said of it. The numbers are those of the error cases of the reference parser's own test. */
const BAD: ReadonlyArray<readonly [what: string, line: string | Buffer, message: string]> = [
  ['1: an unknown escape', 'x{a="\\t"} 1', `${ESCAPE}, found "\\t"} 1".`],
  ['1: an escape at the end', 'x{a="\\', `${ESCAPE}, found "\\".`],
  ['2: a newline in a value', 'x{a="new', 'Expected a label value to end on its line, found ""new".'],
  ['3: a bad label name', 'x{@="1"} 1', `${LABEL}, found "@="1"} 1".`],
  ['3: a label name that begins with a digit', 'x{1a="1"} 1', `${LABEL}, found "1a="1"} 1".`],
  ['3: a colon in a label name', 'x{a:b="1"} 1', 'Expected "=" after a label name, found ":b="1"} 1".'],
  ['3: a comma alone', 'x{,} 1', `${LABEL}, found ",} 1".`],
  ['3: two commas', 'x{a="1",,} 1', `${LABEL}, found ",} 1".`],
  [
    '4: the reserved label',
    'x{__name__="y"} 1',
    'Expected no label __name__, which is reserved, found "__name__="y"} 1".',
  ],
  ['5: no equals sign', 'x{a+="1"} 1', 'Expected "=" after a label name, found "+="1"} 1".'],
  ['6: no quotes', 'x{a=b} 1', 'Expected a label value in quotes, found "b} 1".'],
  ['6: no label value', 'x{a=', 'Expected a label value in quotes, found the end of the line.'],
  ['8: rubbish after a label value', 'x{a="1"+} 1', 'Expected "," or "}" after a label value, found "+} 1".'],
  ['8: no comma', 'x{a="1" b="2"} 1', 'Expected "," or "}" after a label value, found "b="2"} 1".'],
  [
    '8: braces that stay open',
    'x{a="1"',
    'Expected "," or "}" after a label value, found the end of the line.',
  ],
  ['8: open braces', 'x{', `${LABEL}, found the end of the line.`],
  ['9: a fraction as timestamp', 'x{a="1"} 3.14 2.72', `${TIMESTAMP}, found "2.72".`],
  ['9: an exemplar', 'x 1 # {trace_id="a"} 1', `${TIMESTAMP}, found "# {trace_id="a"} 1".`],
  [
    '10: too much after the timestamp',
    'x{a="1"} 3.14 2 3',
    'Expected the line to end after the timestamp, found "3".',
  ],
  ['11: no number', 'x{a="1"} blubb', `${VALUE}, found "blubb".`],
  ['11: no value', 'x', `${VALUE}, found the end of the line.`],
  ['11: no value after labels', 'x{a="1"} \t', `${VALUE}, found the end of the line.`],
  ['11: a sign alone', 'x -', `${VALUE}, found "-".`],
  ['11: a point alone', 'x .', `${VALUE}, found ".".`],
  ['11: an exponent alone', 'x e5', `${VALUE}, found "e5".`],
  ['11: an empty exponent', 'x 1e', `${VALUE}, found "1e".`],
  ['11: a signed NaN', 'x +NaN', `${VALUE}, found "+NaN".`],
  ['11: part of infinity', 'x infinit', `${VALUE}, found "infinit".`],
  ['11: a word that begins like a number', 'x 1x', `${VALUE}, found "1x".`],
  ['11: a comma in a number', 'x 1,5', `${VALUE}, found "1,5".`],
  ['11: out of range', 'x 1e999', `${VALUE}, found "1e999".`],
  ['11: out of range below zero', 'x{a="1"} -1.8e308', `${VALUE}, found "-1.8e308".`],
  [
    '15: an unknown type',
    '# TYPE x bla',
    'Expected counter, gauge, histogram, summary or untyped as type, found "bla".',
  ],
  [
    '15: a type of OpenMetrics',
    '# TYPE x unknown',
    'Expected counter, gauge, histogram, summary or untyped as type, found "unknown".',
  ],
  [
    '15: two words as type',
    '# TYPE x gauge y',
    'Expected counter, gauge, histogram, summary or untyped as type, found "gauge y".',
  ],
  [
    '16: a bad name after TYPE',
    '# TYPE met-ric gauge',
    'Expected a metric name after TYPE, found "met-ric gauge".',
  ],
  ['16: a bad name after HELP', '# HELP 0x text', 'Expected a metric name after HELP, found "0x text".'],
  ['17: a bad name', '@x{a="1"} 3.14 2', `${NAME}, found "@x{a="1"} 3.14 2".`],
  ['17: a digit first', '1x 2', `${NAME}, found "1x 2".`],
  ['17: a hyphen in a name', 'x-y 1', 'Expected a blank or "{" after the metric name, found "-y 1".'],
  [
    '17: a point in a name',
    'x.y{a="1"} 1',
    'Expected a blank or "{" after the metric name, found ".y{a="1"} 1".',
  ],
  ['17: NUL in a name', 'x\0y 1', 'Expected a blank or "{" after the metric name, found "\\u{0}y 1".'],
  ['18: no name', '{a="1"} 3.14 2', `${NAME}, found "{a="1"} 3.14 2".`],
  ['20: bad UTF-8 in a value', Buffer.from('x{a="\xbd"} 1', 'latin1'), `${UTF8}, found "x{a="\uFFFD"} 1".`],
  ['20: bad UTF-8 in a help text', Buffer.from('# HELP x \xff', 'latin1'), `${UTF8}, found "\uFFFD".`],
  [
    '20: a surrogate in UTF-8',
    Buffer.from('x{a="\xed\xa0\x80"} 1', 'latin1'),
    `${UTF8}, found "x{a="\uFFFD\uFFFD\uFFFD"} 1".`,
  ],
  ['34: a label twice', 'x{a="1",a="1"} 1', 'Expected every label name once, found "a="1"} 1".'],
  ['34: a label twice, apart', 'x{a="1",b="2",a="3"} 1', 'Expected every label name once, found "a="3"} 1".'],
  [
    '34: a label twice, once empty',
    'x{b="1",a="",b=""} 1',
    'Expected every label name once, found "b=""} 1".',
  ],
  ['33: an unknown escape in a name', '{"a\\tb"} 1', `${ESCAPE_IN_NAME}, found "\\tb"} 1".`],
  ['36: a quoted name that stays open', '{"a', 'Expected a quoted name to end on its line, found ""a".'],
  ['37: two names', 'x{"a.b"} 1', 'Expected "=" after a label name, found "} 1".'],
  ['38: two quoted names', '{"a.b","c.d"} 1', 'Expected "=" after a label name, found "} 1".'],
  ['39: a name after the braces', '{"a.b"} x 1', `${VALUE}, found "x 1".`],
  ['an empty name', '{""} 1', `${NAME}, found """} 1".`],
  ['an empty label name', '{"a.b",""="1"} 1', `${LABEL}, found """="1"} 1".`],
  ['quotes around no braces', '"a.b" 1', `${NAME}, found ""a.b" 1".`],
  [
    'a label twice, once in quotes',
    'x{"a"="1",a="2"} 1',
    'Expected every label name once, found "a="2"} 1".',
  ],
  [
    'the reserved label in quotes',
    'x{"__name__"="y"} 1',
    'Expected no label __name__, which is reserved, found ""__name__"="y"} 1".',
  ],
  ['bad UTF-8 in a name', Buffer.from('{"\xff"} 1', 'latin1'), `${UTF8}, found "{"\uFFFD"} 1".`],
  ['a quoted name after TYPE that stays open', '# TYPE "a gauge', `${NAME} after TYPE, found ""a gauge".`],
  ['an empty name after TYPE', '# TYPE "" gauge', `${NAME} after TYPE, found """ gauge".`],
  ['a quoted name that goes on', '# HELP "a"b text', `${NAME} after HELP, found ""a"b text".`],
  ['bad UTF-8 after HELP', Buffer.from('# HELP "\xff" x', 'latin1'), `${UTF8}, found ""\uFFFD" x".`],
  ['47: empty braces with no name', '{} 3.14', `${NAME}, found "{} 3.14".`],
  [
    'a carriage return within the line',
    'x\r 1',
    'Expected a blank or "{" after the metric name, found "\\r 1".',
  ],
  [
    'an unknown escape in a help text',
    '# HELP x a\\tb',
    'Expected no escape but \\\\ and \\n in a help text, found "\\tb".',
  ],
  [
    'an escape at the end of a help text',
    '# HELP x a\\',
    'Expected no escape but \\\\ and \\n in a help text, found "\\".',
  ],
];

suite('bad lines', () => {
  for (const [what, line, message] of BAD) {
    test(what, () => {
      const good = 'good{a="1"} 1\n';
      for (const end of ['\n', '\r\n', '']) {
        const parsed = parse(Buffer.concat([Buffer.from(good), Buffer.from(line), Buffer.from(end)]));
        assert.deepEqual(parsed.errors, [{ line: 2, message }]);
        assert.deepEqual(parsed.rejected, { syntax: 1 });
        assert.equal(parsed.text, good);
        assert.equal(parsed.lines, 2);
        assert.deepEqual(
          parsed.families.map(({ name }) => name),
          ['good'],
        );
      }
    });
  }

  test('21 to 31: numbers in the spellings of programming languages', () => {
    for (const value of [
      '1_2',
      '0x1p-3',
      '0x1P-3',
      '0B1',
      '0O1',
      '0X1',
      '0x1',
      '0b1',
      '0o1',
      '1d',
      '1f',
      '1n',
      '١',
    ]) {
      assert.deepEqual(parse(`x ${value}\n`).messages, [`${VALUE}, found "${value}".`]);
    }
  });

  test('quoted names, where they are not allowed', () => {
    const CASES = [
      ['{"one.name"} 3.14', `${NAME}, found "{"one.name"} 3.14".`],
      ['{"x"} 1', `${NAME}, found "{"x"} 1".`],
      ['x{"a.b"="1"} 1', `${LABEL}, found ""a.b"="1"} 1".`],
      ['# TYPE "a.b" histogram', `${NAME} after TYPE, found ""a.b" histogram".`],
      ['# HELP "a.b" text', `${NAME} after HELP, found ""a.b" text".`],
    ];
    for (const [line, message] of CASES) {
      const parsed = parse(`${line}\nx 1\n`, { utf8Names: false });
      assert.deepEqual(parsed.messages, [message]);
      assert.equal(parsed.text, 'x 1\n');
      assert.deepEqual(
        parsed.families.map(({ name }) => name),
        ['x'],
      );
    }
  });

  test('0: the last line needs no newline, but has to be whole', () => {
    assert.equal(parse('bla 3.14\nblubber 42').text, 'bla 3.14\nblubber 42\n');
    assert.deepEqual(parse('bla 3.14\nblubber{a="1"').rejected, { syntax: 1 });
  });

  test('a line may have 1,000 labels', () => {
    const labels = Array.from({ length: MAX_LABELS + 1 }, (_, i) => `l${String(i).padStart(4, '0')}="1"`);
    const good = `x{${labels.slice(0, MAX_LABELS).reverse().join(',')}} 1\n`;
    assert.equal(parse(good).text, `x{${labels.slice(0, MAX_LABELS).join(',')}} 1\n`);
    const { rejected, messages } = parse(`x{${labels.slice().reverse().join(',')}} 1\n`);
    assert.deepEqual(rejected, { limit: 1 });
    assert.deepEqual(messages, ['Expected at most 1000 labels, found "l0000="1"} 1".']);
    assert.deepEqual(parse(`x{${labels.join(',')}} 1\n`).rejected, { limit: 1 }, 'in order');
  });

  test('bad UTF-8 costs its own lines only', () => {
    const { text, errors } = parse(
      Buffer.from('x{a="\xc3\xa9"} 1\nx{a="\xe9"} 2\n# \xe9\nx 3\ny{ a="\xc3\xa9"} 4\n', 'latin1'),
    );
    assert.equal(text, 'x{a="é"} 1\nx 3\ny{a="é"} 4\n');
    assert.deepEqual(
      errors.map(({ line }) => line),
      [2],
    );
  });
});

suite('error messages', () => {
  test('there are 20 at most, of the first lines; all are counted', () => {
    const { errors, rejected } = parse('x\n'.repeat(50));
    assert.deepEqual(
      errors.map(({ line }) => line),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    assert.deepEqual(rejected, { syntax: 50 });
  });

  test('they repeat 80 characters at most', () => {
    const [message] = parse(`x ${'y'.repeat(200)}\n`).messages;
    assert.equal(message, `${VALUE}, found "${'y'.repeat(80)}…".`);
    const [wide] = parse(`x ${'😀'.repeat(200)}\n`).messages;
    assert.equal(wide, `${VALUE}, found "${'😀'.repeat(40)}…".`);
  });

  test('they hold nothing that a terminal or a log would obey', () => {
    const [message] = parse('x \x1b[31m\x07\x7f\u0085\u2028\u202e\tz\n').messages;
    assert.equal(message, `${VALUE}, found "\\u{1b}[31m\\u{7}\\u{7f}\\u{85}\\u{2028}\\u{202e}\\tz".`);
  });

  test('what a refused line names is no family', () => {
    assert.deepEqual(parse('x abc\ny{ 1\n').families, []);
  });
});
