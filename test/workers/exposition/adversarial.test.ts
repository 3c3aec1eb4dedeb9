import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MIB } from '../../../src/units.ts';
import { groupLabels } from '../../../src/workers/exposition/group-labels.ts';
import { parse } from './parsing.ts';

/** Repeats a piece of text, numbered, to 1 MiB. */
function fill(piece: (i: number) => string, bytes = MIB): string {
  const pieces: string[] = [];
  for (let i = 0, length = 0; length < bytes; i++) {
    pieces.push(piece(i));
    length += pieces[i].length;
  }
  return pieces.join('');
}

const names = (n: number, name: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => `${name(i)}="1"`).join(',');

/** None may take a time that grows faster than its length: each of these would take minutes then. */
const BODIES: ReadonlyArray<readonly [what: string, text: () => string]> = [
  ['a million empty lines', () => '\n'.repeat(MIB)],
  ['half a million errors', () => fill(() => 'x\n')],
  ['a quarter of a million samples', () => fill(() => 'x 1\n')],
  ['one line of blanks', () => ' '.repeat(MIB)],
  ['lines of blanks', () => fill(() => `x${' '.repeat(1000)}1${'\t'.repeat(1000)}\n`)],
  ['one line of braces', () => `x${'{'.repeat(MIB)}`],
  ['one label value', () => `x{a="${'y'.repeat(MIB)}"} 1\n`],
  ['one label value of escapes', () => `x{b="",a="${'\\"'.repeat(MIB / 2)}"} 1\n`],
  ['one metric name', () => `${'y'.repeat(MIB)} 1\n`],
  ['one label name', () => `x{${'y'.repeat(MIB)}="1"} 1\n`],
  ['one number', () => `x ${'1'.repeat(MIB)}\n`],
  ['one number after the point', () => `x 0.${'1'.repeat(MIB)}\n`],
  ['one exponent', () => `x 1e${'0'.repeat(MIB)}1\n`],
  ['one timestamp', () => `x 1 ${'0'.repeat(MIB)}1\n`],
  ['a thousand labels in reverse order', () => fill(() => `x{${names(1000, (i) => `a${1999 - i}`)}} 1\n`)],
  [
    'a thousand labels that begin alike',
    () => `x{${names(1000, (i) => `${'a'.repeat(1000)}${(i * 7919) % 1000}`)}} 1\n`,
  ],
  ['too many labels', () => `x{${names(100_000, (i) => `a${i}`)}} 1\n`],
  ['a new name on each line', () => fill((i) => `a${i} 1\n`)],
  ['a new histogram on each line', () => fill((i) => `# TYPE a${i} histogram\na${i}_count 1\n`)],
  [
    'a new bound on each line',
    () => `# TYPE x histogram\n${fill((i) => `x_bucket{le="${-i}"} 1\n`)}x_count 1\n`,
  ],
  ['one bound on each line', () => `# TYPE x histogram\n${fill(() => 'x_bucket{le="1"} 1\n')}x_count 1\n`],
  [
    'long bounds',
    () => `# TYPE x histogram\n${fill((i) => `x_bucket{le="${'0'.repeat(1000)}${i}"} 1\n`)}x_count 1\n`,
  ],
  ['a new instance on each line', () => `# TYPE x histogram\n${fill((i) => `x_count{a="${i}"} 1\n`)}`],
  ['TYPE after TYPE', () => fill((i) => `# TYPE a${i} gauge\n`)],
  ['TYPE without end', () => `# ${'TYPE '.repeat(MIB / 5)}`],
  ['TYPE behind blanks', () => fill(() => `#${' '.repeat(500)}TYPE\n`)],
  ['comments', () => fill(() => '#\n')],
  ['a help text of escapes', () => `# HELP x ${'\\\\'.repeat(MIB / 2)}\n`],
  ['one quoted name', () => `{"${'y.'.repeat(MIB / 2)}"} 1\n`],
  ['one quoted name of escapes', () => `{"${'\\"'.repeat(MIB / 2)}","${'\\"'.repeat(10)}"="1"} 1\n`],
  ['a new quoted name on each line', () => fill((i) => `{"a.${i}"} 1\n`)],
  [
    'a new quoted histogram on each line',
    () => fill((i) => `# TYPE "a.${i}" histogram\n{"a.${i}_count"} 1\n`),
  ],
  ['quotes that stay open', () => fill(() => '{"a\n')],
  ['TYPE of quotes that stay open', () => `# TYPE "${'# TYPE "'.repeat(MIB / 8)}`],
  [
    'a thousand quoted labels in reverse order',
    () => fill(() => `x{${names(1000, (i) => `"a.${1999 - i}"`)}} 1\n`),
  ],
  ['extras', () => `x 1${' #c 1'.repeat(MIB / 5)}\n`],
  ['an exemplar that stays open', () => `x 1${' # {a="'.repeat(MIB / 7)}\n`],
  ['carriage returns', () => '\r'.repeat(MIB)],
  ['non-ASCII', () => 'é'.repeat(MIB / 2)],
];

suite('a megabyte of nothing good', () => {
  for (const [what, text] of BODIES) {
    test(what, { timeout: 5000 }, () => {
      const { lines, entries } = parse(text(), {
        extended: what.startsWith('extra') || what.startsWith('an exemplar'),
      });
      assert.ok(lines >= 1 && entries.length <= lines);
    });
  }

  for (const [what, text] of BODIES) {
    test(`${what}, as a push to a group`, { timeout: 5000 }, () => {
      const key = Array.from({ length: 20 }, (_, i): [string, string] => [`a${i * 50}`, 'y'.repeat(20)]);
      const options = { strict: true, group: groupLabels(key), extended: true };
      const { lines, entries } = parse(text(), options);
      assert.ok(lines >= 1 && entries.length <= lines);
    });
  }

  test('bad UTF-8 on each line', { timeout: 5000 }, () => {
    const { rejected, entries } = parse(
      Buffer.from(
        fill(() => 'x 1\nx{a="\xff"} 1\n'),
        'latin1',
      ),
    );
    assert.equal(rejected.syntax, entries.length);
  });
});
