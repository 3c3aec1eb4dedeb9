import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeriesFilter } from '../../../src/server/exposition/series-filter.ts';
import { TextWriter } from '../../../src/server/exposition/text-writer.ts';
import { parseSelector } from '../../../src/server/selectors.ts';
import { type Family, written } from './written.ts';

const instance = (job: string): string =>
  `h_bucket{job="${job}",le="1"} 1\nh_bucket{job="${job}",le="+Inf"} 1\nh_sum{job="${job}"} 1\nh_count{job="${job}"} 1\n`;
const FAMILIES: readonly Family[] = [
  { name: 'm', type: 'gauge', lines: 'm{job="a"} 1\nm{job="b",x=""} 2\nm{job="b\\n",x="y"} 3\nm 4\n' },
  { name: 'h', type: 'histogram', lines: instance('a') + instance('b') + instance('c') },
  {
    name: 's',
    type: 'summary',
    lines: 's{job="a",quantile="0.5"} 1\ns_sum{job="a"} 1\ns_count{job="a"} 1\n',
  },
  { name: 'u.x', type: 'gauge', lines: '{"u.x","l.m"="n",job="b"} 1\n{"u.x"} 2\n' },
];

/** The lines that are shown, without those of metadata. */
function filtered(selectors: string[], jobs: string[] = []): string {
  const filter = new SeriesFilter(selectors.map(parseSelector), jobs);
  const asked = FAMILIES.filter(({ name }) => filter.mayHold(name));
  return written(new TextWriter('allow-utf-8'), asked, filter).replace(/^#.*\n/gm, '');
}

const CASES: ReadonlyArray<readonly [selectors: string[], jobs: string[], expected: string]> = [
  [['m'], [], FAMILIES[0].lines],
  [['m{job="a"}'], [], 'm{job="a"} 1\n'],
  [['m{job="a"}', 'm{job=""}'], [], 'm{job="a"} 1\nm 4\n'],
  [['m{x="",job!=""}'], [], 'm{job="a"} 1\nm{job="b",x=""} 2\n'],
  [['{__name__="m",job=~"b."}'], [], 'm{job="b\\n",x="y"} 3\n'],
  [['h{job="b"}'], [], instance('b')],
  [['h_bucket{job="b"}'], [], instance('b')],
  [['h_count{job=~"a|b"}'], [], instance('a') + instance('b')],
  [['{__name__=~"h_(sum|x)",job!="b"}'], [], instance('a') + instance('c')],
  [['h_bucket{le="1"}'], [], ''],
  [['s{quantile="0.5"}'], [], ''],
  [['s'], [], FAMILIES[2].lines],
  [['m_sum'], [], ''],
  [['{"u.x","l.m"="n"}'], [], '{"u.x","l.m"="n",job="b"} 1\n'],
  [[], ['b'], `m{job="b",x=""} 2\n${instance('b')}{"u.x","l.m"="n",job="b"} 1\n`],
  [[], ['', 'c'], `m 4\n${instance('c')}{"u.x"} 2\n`],
  [['m'], ['a', 'b'], 'm{job="a"} 1\nm{job="b",x=""} 2\n'],
  [['{job="a"}'], ['b'], ''],
];

test('which lines are asked for', () => {
  for (const [selectors, jobs, expected] of CASES)
    assert.equal(filtered(selectors, jobs), expected, `${selectors} ${jobs}`);
});

test('families of other names need not be read', () => {
  const filter = new SeriesFilter([parseSelector('h_bucket'), parseSelector('{__name__=~"x.*"}')], []);
  assert.deepEqual(
    ['h', 'h_bucket', 'x', 'hx', 'h_bucket_sum', 'm'].filter((name) => filter.mayHold(name)),
    ['h', 'h_bucket', 'x'],
  );
  assert.equal(new SeriesFilter([], ['j']).mayHold('m'), true);
});
