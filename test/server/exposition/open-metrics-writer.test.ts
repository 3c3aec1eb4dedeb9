import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Escaping } from '../../../src/server/exposition/escaping.ts';
import { inSeconds, OpenMetricsWriter } from '../../../src/server/exposition/open-metrics-writer.ts';
import { type Family, written } from './written.ts';

const om = (families: readonly Family[], escaping: Escaping = 'underscores'): string =>
  written(new OpenMetricsWriter(escaping), families);

function shows(families: readonly Family[], expected: string, escaping?: Escaping): void {
  assert.equal(om(families, escaping), `${expected}# EOF\n`);
}

test('nothing is an end', () => {
  shows([], '');
});

test('a counter loses its suffix in the metadata', () => {
  const lines = 'c_seconds_total{a="b"} 1\n';
  shows(
    [{ name: 'c_seconds_total', type: 'counter', help: 'a "b" \\\\', unit: 'seconds', lines }],
    `# HELP c_seconds a \\"b\\" \\\\\n# TYPE c_seconds counter\n# UNIT c_seconds seconds\n${lines}`,
  );
});

test('one without the suffix is unknown, and so is one whose short name is taken', () => {
  shows([{ name: 'c', type: 'counter', lines: 'c 1\n' }], '# TYPE c unknown\nc 1\n');
  shows([{ name: '_total', type: 'counter', lines: '_total 1\n' }], '# TYPE _total unknown\n_total 1\n');
  const gauge = { name: 'c', type: 'gauge', lines: 'c 1\n' };
  const counter = { name: 'c_total', type: 'counter', lines: 'c_total 2 #c 1 # {} 1\n' };
  const shown = ['# TYPE c gauge\nc 1\n', '# TYPE c_total unknown\nc_total 2\n'];
  shows([gauge, counter], shown.join(''));
  shows([counter, gauge], shown.reverse().join(''));
});

test('other types', () => {
  shows([{ name: 'm', type: 'untyped', lines: 'm 1\n' }], '# TYPE m unknown\nm 1\n');
  shows([{ name: 'm_info', type: 'info', lines: 'm_info{v="1"} 1\n' }], '# TYPE m info\nm_info{v="1"} 1\n');
  shows([{ name: 'm', type: 'info', lines: 'm{v="1"} 1\n' }], '# TYPE m gauge\nm{v="1"} 1\n');
  shows([{ name: 'm', type: 'stateset', lines: 'm{m="a"} 1\n' }], '# TYPE m stateset\nm{m="a"} 1\n');
  shows([{ name: 'm', type: 'gauge', unit: 'bytes', lines: 'm 1\n' }], '# TYPE m gauge\nm 1\n');
});

test('an info gives its short name up to a counter', () => {
  shows(
    [
      { name: 'm_info', type: 'info', lines: 'm_info{v="1"} 1\n' },
      { name: 'm_total', type: 'counter', lines: 'm_total 1\n' },
    ],
    '# TYPE m_info gauge\nm_info{v="1"} 1\n# TYPE m counter\nm_total 1\n',
  );
});

test('bounds are floats', () => {
  const bounds = ['-Inf', '-1', '0', '0.5', '1', '10', '1e+06', '1e-07', '+Inf', 'NaN'];
  const floats = ['-Inf', '-1.0', '0.0', '0.5', '1.0', '10.0', '1e+06', '1e-07', '+Inf', 'NaN'];
  const lines = (values: string[], label: string, suffix: string): string =>
    values.map((v) => `x${suffix}{a=",le=",handle="1",${label}="${v}"} 1\n`).join('') +
    `x_sum{handle="1"} 1\nx_sum{le.="1"} 1\nx_count 1\n`.replace('le.', label === 'le' ? 'quantile' : 'le');
  for (const features of [0, 7]) {
    shows(
      [{ name: 'x', type: 'histogram', lines: lines(bounds, 'le', '_bucket'), features }],
      `# TYPE x histogram\n${lines(floats, 'le', '_bucket')}`,
    );
    shows(
      [{ name: 'x', type: 'summary', lines: lines(bounds, 'quantile', ''), features }],
      `# TYPE x summary\n${lines(floats, 'quantile', '')}`,
    );
  }
});

test('a gauge histogram has other suffixes', () => {
  shows(
    [
      {
        name: 'g',
        type: 'gaugehistogram',
        lines: 'g_bucket{le="1"} 1 # {t="x"} 1\ng_bucket{le="+Inf"} 1\ng_sum 1\ng_count 1\n',
      },
    ],
    '# TYPE g gaugehistogram\ng_bucket{le="1.0"} 1 # {t="x"} 1\ng_bucket{le="+Inf"} 1\ng_gsum 1\ng_gcount 1\n',
  );
});

test('created times are lines of their own, after those of their metric', () => {
  shows(
    [
      {
        name: 'c_total',
        type: 'counter',
        lines: 'c_total{a="b"} 1 #c 12.5 # {t="x"} 1 2.5\nc_total 2 #c 3\n',
      },
      {
        name: 'h',
        type: 'histogram',
        lines:
          'h_bucket{a="b",le="+Inf"} 1 1500\nh_sum{a="b"} 2 1500\nh_count{a="b"} 1 1500 #c 4 #n KAEwAA==\n',
      },
    ],
    '# TYPE c counter\nc_total{a="b"} 1 # {t="x"} 1 2.5\nc_created{a="b"} 12.5\nc_total 2\nc_created 3\n' +
      '# TYPE h histogram\nh_bucket{a="b",le="+Inf"} 1 1.5\nh_sum{a="b"} 2 1.5\nh_count{a="b"} 1 1.5\nh_created{a="b"} 4 1.5\n',
  );
});

test('but not where they were pushed as a family of their own', () => {
  shows(
    [
      { name: 'c_created', type: 'gauge', lines: 'c_created 5\n' },
      { name: 'c_total', type: 'counter', lines: 'c_total 1 #c 6\n' },
    ],
    '# TYPE c_created gauge\nc_created 5\n# TYPE c counter\nc_total 1\n',
  );
});

test('a counter does not take the name of a family that is always there', () => {
  const lines = 'push_time_seconds_total 1\n';
  shows(
    [{ name: 'push_time_seconds_total', type: 'counter', lines }],
    `# TYPE push_time_seconds_total unknown\n${lines}`,
  );
});

test('names in quotes are escaped or kept', () => {
  const family = {
    name: 'my.c_total',
    type: 'counter',
    lines: '{"my.c_total","a.b"="x"} 1 #c 2 # {"t.i"="y"} 1\n',
  };
  shows([family], '# TYPE my_c counter\nmy_c_total{a_b="x"} 1 # {t_i="y"} 1\nmy_c_created{a_b="x"} 2\n');
  shows(
    [family],
    '# TYPE "my.c" counter\n{"my.c_total","a.b"="x"} 1 # {"t.i"="y"} 1\n{"my.c_created","a.b"="x"} 2\n',
    'allow-utf-8',
  );
});

test('milliseconds in seconds', () => {
  const cases = [
    ['0', '0'],
    ['1', '0.001'],
    ['-1', '-0.001'],
    ['1000', '1'],
    ['1500', '1.5'],
    ['-12345', '-12.345'],
    ['+1700000000120', '1700000000.12'],
    ['9223372036854775807', '9223372036854775.807'],
  ];
  for (const [milliseconds, seconds] of cases) assert.equal(inSeconds(milliseconds), seconds);
});
