import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Escaping } from '../../../src/server/exposition/escaping.ts';
import { TextWriter } from '../../../src/server/exposition/text-writer.ts';
import { checkMetrics } from '../../support/prometheus.ts';
import { type ModelFamily, stored, storedFamilies } from './stored-families.ts';
import { type Family, written } from './written.ts';

const text = (families: readonly Family[], escaping: Escaping = 'underscores'): string =>
  written(new TextWriter(escaping), families);

test('plain lines go through as they are', () => {
  const lines = 'm{a="",b="x\\"y"} 1\nm{a=" # {x=\\"y\\"} 1"} NaN 123\n';
  assert.equal(
    text([{ name: 'm', type: 'gauge', help: 'a \\\\ "b"', lines, features: 0 }]),
    `# HELP m a \\\\ "b"\n# TYPE m gauge\n${lines}`,
  );
});

test('types that the format does not know are shown as the nearest it does', () => {
  const types = [
    ['info', 'gauge'],
    ['stateset', 'gauge'],
    ['gaugehistogram', 'histogram'],
    ['untyped', 'untyped'],
    ['summary', 'summary'],
  ];
  for (const [type, shown] of types)
    assert.equal(text([{ name: 'm', type, lines: 'm 1\n' }]), `# TYPE m ${shown}\nm 1\n`);
});

test('extras are left out, timestamps are not', () => {
  const lines =
    'm_total{a="b # c"} 1 #c 1.5 # {t="x"} 1 2.5\nm_total 2 -1500 # {} 0.5\nm_total{c="d"} 3 4 #c 5\nm_total{e="f"} 4\n';
  assert.equal(
    text([{ name: 'm_total', type: 'counter', lines }]),
    '# TYPE m_total counter\nm_total{a="b # c"} 1\nm_total 2 -1500\nm_total{c="d"} 3 4\nm_total{e="f"} 4\n',
  );
  const native = 'h_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2 #c 1 #n KAEwAA==\n';
  assert.equal(
    text([{ name: 'h', type: 'histogram', lines: native }]),
    '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
  );
});

const QUOTED: Family = {
  name: 'my.hist',
  type: 'histogram',
  help: 'H',
  lines:
    '{"my.hist_bucket","a.b"="c",le="1"} 1 # {"t.i"="x"} 1\n{"my.hist_bucket","a.b"="c",le="+Inf"} 2\n{"my.hist_sum","a.b"="c"} 3\n{"my.hist_count","a.b"="c"} 2\n',
};

test('names in quotes are escaped: the suffix belongs to the escaped name', () => {
  const shown: ReadonlyArray<readonly [Escaping, string, string]> = [
    ['underscores', 'my_hist', 'a_b'],
    ['dots', 'my_dot_hist', 'a_dot_b'],
    ['values', 'U__my_2e_hist', 'U__a_2e_b'],
  ];
  for (const [escaping, name, label] of shown) {
    assert.equal(
      text([QUOTED], escaping),
      `# HELP ${name} H\n# TYPE ${name} histogram\n${name}_bucket{${label}="c",le="1"} 1\n${name}_bucket{${label}="c",le="+Inf"} 2\n${name}_sum{${label}="c"} 3\n${name}_count{${label}="c"} 2\n`,
    );
  }
});

test('or stay as they are, in version 1.0.0', () => {
  assert.equal(
    text([QUOTED], 'allow-utf-8'),
    `# HELP "my.hist" H\n# TYPE "my.hist" histogram\n${QUOTED.lines.replace(' # {"t.i"="x"} 1', '')}`,
  );
});

test('quotes, backslashes and newlines in a name', () => {
  const lines = '{"a\\"\\\\\\n"} 1\n';
  const family = { name: 'a"\\\n', type: 'gauge', lines };
  assert.equal(text([family], 'allow-utf-8'), `# TYPE "a\\"\\\\\\n" gauge\n${lines}`);
  assert.equal(text([family]), '# TYPE a___ gauge\na___ 1\n');
});

test('labels that escaping makes equal stay apart', () => {
  const lines = 'm{"a.b"="1","a-b"="2",a_b="3","a b"="4"} 1\n';
  assert.equal(
    text([{ name: 'm', type: 'gauge', lines }]),
    '# TYPE m gauge\nm{U__a_2e_b="1",U__a_2d_b="2",a_b="3",U__a_20_b="4"} 1\n',
  );
  const two = 'm{"a.b"="1","a-b"="2"} 1\n';
  assert.equal(
    text([{ name: 'm', type: 'gauge', lines: two }]),
    '# TYPE m gauge\nm{a_b="1",U__a_2d_b="2"} 1\n',
  );
});

test('without extras it is what would have been stored without them', () => {
  const bare = (family: ModelFamily): ModelFamily => ({
    ...family,
    entries: family.entries.map((entry) => ({ ...entry, exemplar: undefined, created: undefined })),
  });
  fc.assert(
    fc.property(storedFamilies, (families) => {
      const samples = text(families.map(stored), 'allow-utf-8').replace(/^# (?:HELP|TYPE) .*\n/gm, '');
      const expected = families.map((family) => stored(bare(family)).lines);
      assert.equal(samples, expected.join(''));
    }),
    { numRuns: 500 },
  );
});

test('promtool takes what becomes of all of it', async () => {
  const { status, output } = await checkMetrics(
    text([
      QUOTED,
      { name: '花火', type: 'stateset', help: 'x', lines: '{"花火","花火"="a"} 1\n{"花火","花火"="b"} 0\n' },
      { name: 'c_total', type: 'counter', help: 'x', lines: 'c_total{"a:b"=""} 1 #c 1.5 # {} 1\n' },
    ]),
  );
  assert.ok(status === 0 || status === 3, output);
});
