import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { groupLabels } from '../../../src/workers/exposition/group-labels.ts';
import type { ParseOptions } from '../../../src/workers/exposition/text-parser.ts';
import type { GroupingKey } from '../../../src/workers/messages.ts';
import { type Parsed, parse } from './parsing.ts';

const JOB: GroupingKey = [['job', 'j']];

function push(body: string | Buffer, key: GroupingKey = JOB, options: Partial<ParseOptions> = {}): Parsed {
  return parse(body, { strict: true, group: groupLabels(key), timestamps: 'reject', ...options });
}

function lines(...all: string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

const L = 'instance="",job="j"';
const HISTOGRAM = '# TYPE h histogram';
const SUMMARY = '# TYPE s summary';

/** What prometheus-pushgateway 1.5.1 takes, and what it then shows, but for what the comment says. */
const GOOD: ReadonlyArray<readonly [what: string, body: string, stored: string]> = [
  ['nothing', '', ''],
  ['a blank line', '\n', ''],
  ['a sample', lines('x 1'), lines(`x{${L}} 1`)],
  [
    'blanks, comments and all',
    lines('', '# c', ' x  {a = "1" , }\t1', '#', '# EOF'),
    lines(`x{a="1",${L}} 1`),
  ],
  ['TYPE without samples', lines('# TYPE x gauge', '# HELP y z', 'w 1'), lines(`w{${L}} 1`)],
  ['TYPE in any case', lines('# TYPE x GAUGE', 'x 1'), lines(`x{${L}} 1`)],
  ['TYPE without a word', lines('# TYPE x', '# TYPE x gauge', 'x 1'), lines(`x{${L}} 1`)],
  ['HELP after samples', lines('x 1', '# HELP x y'), lines(`x{${L}} 1`)],
  [
    'families interleaved',
    lines('x 1', 'y 1', 'x{a="1"} 2'),
    lines(`x{${L}} 1`, `y{${L}} 1`, `x{a="1",${L}} 2`),
  ],
  ['an empty label and none', lines('x{a=""} 1', 'x 2'), lines(`x{a="",${L}} 1`, `x{${L}} 2`)],
  // The official one refuses these.
  ['CRLF', 'x 1\r\n', lines(`x{${L}} 1`)],
  ['no newline at the end', 'x 1', lines(`x{${L}} 1`)],
  ['blanks after the value', 'x 1 \t\n', lines(`x{${L}} 1`)],
  ['a quoted name', '{"a.b"} 1\n', `{"a.b",${L}} 1\n`],

  [
    'HELP before TYPE',
    lines('# HELP h y', HISTOGRAM, 'h_count 3'),
    lines(`h_bucket{${L},le="+Inf"} 3`, `h_sum{${L}} 0`, `h_count{${L}} 3`),
  ],
  [
    'buckets without _count',
    lines(HISTOGRAM, 'h_bucket{le="1"} 1', 'h_sum 3'),
    lines(`h_bucket{${L},le="1"} 1`, `h_bucket{${L},le="+Inf"} 0`, `h_sum{${L}} 3`, `h_count{${L}} 0`),
  ],
  [
    'the bucket +Inf without _count',
    lines(HISTOGRAM, 'h_bucket{le="+Inf"} 2', 'h_sum 3'),
    lines(`h_bucket{${L},le="+Inf"} 2`, `h_sum{${L}} 3`, `h_count{${L}} 0`),
  ],
  [
    'nothing but a sum',
    lines(HISTOGRAM, 'h_sum 3'),
    lines(`h_bucket{${L},le="+Inf"} 0`, `h_sum{${L}} 3`, `h_count{${L}} 0`),
  ],
  [
    'a bare sample of a histogram',
    lines(HISTOGRAM, 'h{a="1"} 5', 'h 6', 'h_count 3'),
    lines(
      `h_bucket{a="1",${L},le="+Inf"} 0`,
      `h_sum{a="1",${L}} 0`,
      `h_count{a="1",${L}} 0`,
      `h_bucket{${L},le="+Inf"} 3`,
      `h_sum{${L}} 0`,
      `h_count{${L}} 3`,
    ),
  ],
  ...['h_bucket 5', 'h_bucket{le="NaN"} 5'].map((line): [string, string, string] => [
    `${line} beside others`,
    lines(HISTOGRAM, line, 'h_count 3'),
    lines(`h_bucket{${L},le="+Inf"} 3`, `h_sum{${L}} 0`, `h_count{${L}} 3`),
  ]),
  ...['s 5', 's{quantile="NaN"} 5', 's_sum 0'].map((line): [string, string, string] => [
    `${line} alone`,
    lines(SUMMARY, line),
    lines(`s_sum{${L}} 0`, `s_count{${L}} 0`),
  ]),
  [
    'a part that stands twice: the last counts',
    lines(HISTOGRAM, 'h_count 2', 'h_count 3', 'h_bucket{le="1"} 1', 'h_bucket{le="1.0"} 2'),
    lines(`h_bucket{${L},le="1"} 2`, `h_bucket{${L},le="+Inf"} 3`, `h_sum{${L}} 0`, `h_count{${L}} 3`),
  ],
  [
    'le as a number on another line',
    lines(HISTOGRAM, 'h_sum{le="1"} 5', 'h_count{le="NaN"} 3'),
    lines(`h_bucket{${L},le="+Inf"} 3`, `h_sum{${L}} 5`, `h_count{${L}} 3`),
  ],
  [
    'TYPE of a part without samples of the whole',
    lines('# TYPE h_count gauge', 'h_count 2', HISTOGRAM),
    lines(`h_count{${L}} 2`),
  ],
  [
    'a histogram whose TYPE never had a chance',
    lines('# HELP h_count y', HISTOGRAM, 'h_count 3'),
    lines(`h_count{${L}} 3`),
  ],
  [
    's_bucket beside a summary',
    lines('s_bucket 3', SUMMARY, 's_sum 5'),
    lines(`s_bucket{${L}} 3`, `s_sum{${L}} 5`, `s_count{${L}} 0`),
  ],
];

/** What it answers with `text format parsing error in line N`, and the line. */
const SYNTAX: ReadonlyArray<readonly [what: string, body: string | Buffer, line: number]> = [
  ['no value', 'x\n', 1],
  ['a bad name', 'y 1\nx-y 1\n', 2],
  ['a bad escape', 'x{a="\\t"} 1\n', 1],
  ['a bad escape in HELP', '# HELP x \\t\n', 1],
  ['a raw newline in a value', 'x{a="\n"} 1\n', 1],
  ['bad UTF-8', Buffer.from('x{a="\xff"} 1\n', 'latin1'), 1],
  ['a label twice', 'x{a="1",a="2"} 1\n', 1],
  ['__name__ as a label', 'x{__name__="y"} 1\n', 1],
  ['an exemplar', 'x 1 # {a="b"} 1\n', 1],
  ['too large a number', 'x 1e999\n', 1],
  ['a hexadecimal number', 'x 0x10\n', 1],
  ['an underscore in a number', 'x 1_000\n', 1],
  ['a bad timestamp', 'x 1 1.5\n', 1],
  ...['info', 'unknown', 'stateset', 'gauge x'].map((type): [string, string, number] => [
    `the type ${type}`,
    `# TYPE x ${type}\nx 1\n`,
    1,
  ]),
  ['a second TYPE', '# TYPE x gauge\n# TYPE x gauge\nx 1\n', 2],
  ['a second HELP', '# HELP x y\n# HELP x y\nx 1\n', 2],
  ['TYPE after samples', 'x 1\n# TYPE x gauge\n', 2],
  ['TYPE of a part of a histogram', lines(HISTOGRAM, 'h_count 1', '# TYPE h_count gauge'), 3],
  ['no number as le', lines(HISTOGRAM, 'h_bucket{le="x"} 1'), 2],
  ['an empty le', lines(HISTOGRAM, 'h_bucket{le=""} 1'), 2],
  ['no number as le of _sum', lines(HISTOGRAM, 'h_sum{le="x"} 1'), 2],
  ['no number as quantile', lines(SUMMARY, 's{quantile="x"} 1'), 2],
  ['no number as quantile of _count', lines(SUMMARY, 's_count{quantile="x"} 1'), 2],
  ['no number on an ignored line', lines(HISTOGRAM, 'h x'), 2],
  ['the first of several', 'x 1 5\ny{__a="1"} 1\nx 1\nx 1\nbad\nworse\n', 5],
];

/** What it refuses after it has been read. */
const CHECKS: ReadonlyArray<readonly [what: string, body: string, message: string, key?: GroupingKey]> = [
  ['a timestamp', 'x 1\ny 1 5\n', 'pushed metrics must not have timestamps'],
  ['a timestamp in a histogram', lines(HISTOGRAM, 'h_count 1 5'), 'pushed metrics must not have timestamps'],
  [
    'a series twice',
    'x{b="2",a="1"} 1\ny 1\nx{a="1",b="2"} 1\n',
    `collected metric "x" { label:{name:"a" value:"1"} label:{name:"b" value:"2"} label:{name:"instance" value:""} label:{name:"job" value:"j"} } was collected before with the same name and label values`,
  ],
  [
    'a series twice because of the group',
    'x{a="1"} 1\nx{a="2"} 1\n',
    'collected metric "x" { label:{name:"a" value:"3"} label:{name:"instance" value:""} } was collected before with the same name and label values',
    [['a', '3']],
  ],
  [
    'a histogram twice because of the group',
    lines(HISTOGRAM, 'h_count{a="1"} 1', 'h_bucket{a="2",le="1"} 1'),
    'collected metric "h" { label:{name:"a" value:"3"} label:{name:"instance" value:""} } was collected before with the same name and label values',
    [['a', '3']],
  ],
  [
    'a quoted name twice',
    '{"a.b","c\\"d"="\\n"} 1\n{"a.b","c\\"d"="\\n"} 1\n',
    'collected metric "a.b" { label:{name:"c\\"d" value:"\\n"} label:{name:"instance" value:""} } was collected before with the same name and label values',
    [],
  ],
  [
    'a reserved label',
    'x{__a="1"} 1\n',
    'collected metric "x" { label:{name:"__a" value:"1"} label:{name:"instance" value:""} label:{name:"job" value:"j"} } has a label with an invalid name: __a',
  ],
  [
    'a group that is a quantile',
    lines(SUMMARY, 's_count 1'),
    'collected metric "s" { label:{name:"instance" value:""} label:{name:"quantile" value:"1"} } must not have an explicit "quantile" label',
    [['quantile', '1']],
  ],
  [
    // Accepted by the official one, which then shows le twice.
    'a group that is a bound',
    lines(HISTOGRAM, 'h_count 1'),
    'collected metric "h" { label:{name:"instance" value:""} label:{name:"le" value:"1"} } must not have an explicit "le" label',
    [['le', '1']],
  ],
  [
    'h_sum before a histogram h',
    lines('h_sum 1', HISTOGRAM, 'h_count 1'),
    'collected histogram or summary named "h" collides with previously collected metric named "h_sum"',
  ],
  [
    'h_bucket before a histogram h',
    lines('h_bucket{le="1"} 1', HISTOGRAM, 'h_count 1'),
    'collected histogram named "h" collides with previously collected metric named "h_bucket"',
  ],
  [
    's_count before a summary s',
    lines('# TYPE s_count counter', SUMMARY, 's_count 1', 's_sum 1'),
    'collected histogram or summary named "s" collides with previously collected metric named "s_count"',
  ],
  [
    'h_count with its TYPE after HELP of a histogram h, and before its TYPE',
    lines('# HELP h y', '# TYPE h_count counter', 'h_count 2', HISTOGRAM, 'h_sum 1'),
    'collected metric named "h_count" collides with previously collected histogram named "h"',
  ],
];

suite('a push to a group', () => {
  for (const [what, body, stored] of GOOD) {
    test(`takes ${what}`, () => {
      const { problem, text, entries, families } = push(body);
      assert.equal(problem, undefined);
      assert.equal(text, stored);
      assert.deepEqual(
        families.map(({ name }) => name),
        [...new Set(entries.map(({ family }) => family))],
      );
      for (const { entries: count } of families) assert.ok(count > 0);
    });
  }

  for (const [what, body, line] of SYNTAX) {
    test(`cannot be read because of ${what}`, () => {
      const { problem, messages } = push(body);
      assert.equal(problem?.kind, 'syntax');
      assert.equal(problem.line, line);
      assert.equal(problem.message, `text format parsing error in line ${line}: ${problem.detail}`);
      assert.ok(messages.includes(problem.detail), problem.detail);
    });
  }

  for (const [what, body, message, key] of CHECKS) {
    test(`is refused because of ${what}`, () => {
      const { problem } = push(body, key);
      assert.deepEqual([problem?.kind, problem?.message], ['check', message]);
    });
  }

  test('leaves nothing behind for the next one', () => {
    push('x 1 5\n');
    push('x\n');
    assert.equal(push('x 1\n').problem, undefined);
    assert.equal(parse('x\n').problem, undefined);
    assert.deepEqual(parse('# TYPE h histogram\nh 1\n').rejected, { syntax: 1 });
  });

  test('of which all families without samples are left out', () => {
    const { families, entries } = push(lines('# TYPE a gauge', 'b 1', '# HELP c d', 'd 1', 'b{x="1"} 1'));
    assert.deepEqual(
      families.map(({ name, entries: count }) => [name, count]),
      [
        ['b', 2],
        ['d', 1],
      ],
    );
    assert.deepEqual(
      entries.map(({ family }) => family),
      ['b', 'd', 'b'],
    );
  });

  test('may have timestamps, where they are not refused', () => {
    assert.equal(push('x 1 5\n', JOB, { timestamps: 'honor' }).text, `x{${L}} 1 5\n`);
    assert.equal(push('x 1 5\n', JOB, { timestamps: 'strip' }).text, `x{${L}} 1\n`);
    const { problem } = push('x 1 -5\n', JOB, { timestamps: 'honor' });
    assert.deepEqual(
      [problem?.kind, problem?.message],
      ['check', 'Expected no timestamp before 1970, found "-5".'],
    );
  });

  test('may come from a converter', () => {
    const body = lines(
      '# TYPE x gaugehistogram',
      '# UNIT x s',
      'x_bucket{le="+Inf"} 2 # {a="b"} 1',
      'x_sum 1',
    );
    const { problem, text, families } = push(body, JOB, { extended: true });
    assert.equal(problem, undefined);
    assert.equal(text, lines(`x_bucket{${L},le="+Inf"} 2 # {a="b"} 1`, `x_sum{${L}} 1`, `x_count{${L}} 2`));
    assert.deepEqual([families[0].type, families[0].unit], ['gaugehistogram', 's']);
    const flawed = push(lines('# TYPE x histogram', 'x_sum 1'), JOB, { extended: true }).problem;
    assert.equal(flawed?.kind, 'syntax');
    assert.match(flawed.detail, /it has neither _count nor the bucket \+Inf/);
  });

  test('has all its series told apart, however many', () => {
    const body = Array.from({ length: 20_000 }, (_, i) => `x${i % 7}{a="${i}"} 1\n`);
    assert.equal(push(body.join('')).problem, undefined);
    const { problem } = push(`${body.join('')}x3{a="10"} 2\n`);
    assert.match(
      problem?.message ?? '',
      /^collected metric "x3" \{ label:\{name:"a" value:"10"\} .* before with/,
    );
  });

  test('without any newline is no push of nothing, but a mistake', () => {
    assert.match(
      push('# TYPE x gauge x 1 # TYPE y gauge y 2').problem?.message ?? '',
      /line 1: .*--data-binary/,
    );
    assert.equal(push('# EOF').problem, undefined);
    assert.equal(push('x 1').problem, undefined);
    assert.equal(push('x 1\n# the end').problem, undefined);
    assert.equal(push('# nothing\n').problem, undefined);
  });

  test('has a bound on its families', () => {
    const body = (n: number): string => Array.from({ length: n }, (_, i) => `x${i} 1\n`).join('');
    const { problem, families } = push(body(10_000));
    assert.equal(problem, undefined);
    assert.equal(families.length, 10_000);
    assert.match(push(body(20_000)).problem?.message ?? '', /Expected at most 16384 metric families/);
  });

  test('has a bound on what its group makes of it', () => {
    const key: GroupingKey = [['job', 'j'.repeat(200_000)]];
    const body = (n: number, line: (i: number) => string): string =>
      Array.from({ length: n }, (_, i) => line(i)).join('');
    const series = push(
      body(1500, (i) => `x${i} 1\n`),
      key,
    );
    assert.match(series.problem?.message ?? '', /Expected at most 268435456 bytes/);
    const instances = push(`${HISTOGRAM}\n${body(500, (i) => `h_count{a="${i}"} 1\n`)}`, key);
    assert.match(instances.problem?.detail ?? '', /refused all of "h".*there is too much of it/);
  });

  test('shows no more of a series in a message than is worth reading', () => {
    const { problem } = push(`x{a="${'y'.repeat(5000)}\x1b"} 1\n`.repeat(2));
    assert.ok((problem?.message.length ?? 0) <= 1000);
    const ESC = push('x{a="\x1b"} 1\nx{a="\x1b"} 1\n').problem?.message;
    assert.match(ESC ?? '', /value:"\\u\{1b\}"/);
  });
});
