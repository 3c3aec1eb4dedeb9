import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { groupLabels } from '../../../src/workers/exposition/group-labels.ts';
import { type Entry, entriesOf, type Parsed, parse } from './parsing.ts';

const OPTIONS = { strict: true, group: groupLabels([['job', 'j']]), timestamps: 'reject' } as const;

/** What came in parts and what was left, and how often it was begun anew. */
function inParts(body: string, bytes: number): { parsed: Parsed; parts: Entry[][]; discarded: number } {
  let parts: Entry[][] = [];
  let discarded = 0;
  const parsed = parse(body, {
    ...OPTIONS,
    parts: {
      bytes,
      take: (part) => void parts.push(entriesOf(part)),
      discard: () => {
        discarded++;
        parts = [];
      },
    },
  });
  return { parsed, parts, discarded };
}

/** By family, since the entries of a family alone have an order. */
function byFamily(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => (a.family < b.family ? -1 : a.family > b.family ? 1 : 0));
}

function gauge(name: string, ...values: number[]): string {
  return values.map((value) => `${name}{a="${value}"} ${value}\n`).join('');
}

const HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 1\n';

suite('a push that is read in parts', () => {
  test('has whole families in each, and histograms in the rest', () => {
    const body = `${gauge('x', 1, 2)}${HISTOGRAM}${gauge('y', 1)}h_bucket{le="2"} 1\n${gauge('z', 1, 2, 3)}`;
    const { parsed, parts, discarded } = inParts(body, 0);
    const whole = parse(body, OPTIONS);
    assert.equal(whole.problem, undefined);
    assert.equal(parsed.problem, undefined);
    assert.deepEqual(
      parts.map((entries) => entries.map(({ family }) => family)),
      [['x', 'x'], ['y']],
    );
    assert.deepEqual(byFamily([...parts.flat(), ...parsed.entries]), byFamily(whole.entries));
    assert.deepEqual(parsed.families, whole.families);
    assert.equal(discarded, 0);
  });

  test('is begun anew when a family goes on', () => {
    const body = `${gauge('x', 1)}${gauge('y', 1)}${gauge('x', 2)}`;
    const { parsed, parts, discarded } = inParts(body, 0);
    assert.deepEqual([parts, discarded], [[], 1]);
    assert.deepEqual(parsed, parse(body, OPTIONS));
  });

  for (const [what, body] of [
    ['a series twice in a part', `${gauge('x', 1, 1)}${gauge('y', 1)}`],
    ['a series twice in the rest', `${gauge('x', 1)}${gauge('y', 1, 1)}`],
    ['a mistake after a part', `${gauge('x', 1)}${gauge('y', 1)}y`],
    ['a mistake after a series twice', `${gauge('x', 1, 1)}${gauge('y', 1)}y`],
    ['a name in a part that a histogram of the rest has', `${gauge('h_sum', 1)}${gauge('y', 1)}${HISTOGRAM}`],
  ] as const) {
    test(`is refused for ${what}`, () => {
      const { problem } = inParts(body, 0).parsed;
      assert.notEqual(problem, undefined);
      assert.deepEqual(problem, parse(body, OPTIONS).problem);
    });
  }

  test('says the same as in one, whatever it says', () => {
    const series = fc.tuple(fc.constantFrom('x', 'y', 'z', '{"a.b",'), fc.nat(9)).map(([name, value]) => {
      return name.endsWith(',') ? `${name}a="${value}"} ${value}\n` : gauge(name, value);
    });
    const bucket = fc.nat(9).map((le) => `h_bucket{b="${le % 2}",le="${le}"} 1\n`);
    const line = fc.oneof({ weight: 9, arbitrary: series }, { weight: 3, arbitrary: bucket });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.boolean(), fc.nat(200), (lines, isInOrder, bytes) => {
        const all = isInOrder ? [...new Set(lines)].sort() : lines;
        const body = `# TYPE h histogram\n${all.join('')}`;
        const whole = parse(body, OPTIONS);
        const { parsed, parts, discarded } = inParts(body, bytes);
        if (isInOrder) assert.equal(discarded, 0);
        assert.equal(parsed.problem?.kind, whole.problem?.kind);
        if (whole.problem !== undefined) return;
        assert.deepEqual(byFamily([...parts.flat(), ...parsed.entries]), byFamily(whole.entries));
        assert.deepEqual(parsed.families, whole.families);
      }),
      { numRuns: 500 },
    );
  });
});
