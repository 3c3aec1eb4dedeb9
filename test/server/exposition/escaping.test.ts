import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeLabelName, escapeMetricName } from '../../../src/server/exposition/escaping.ts';

// The cases of TestEscapeName in prometheus/common; a classic name stays as it is, as in EscapeMetricFamily.
const NAMES: ReadonlyArray<readonly [name: string, underscores: string, dots: string, values: string]> = [
  ['no:escaping_required', 'no:escaping_required', 'no:escaping_required', 'no:escaping_required'],
  [
    'mysystem.prod.west.cpu.load',
    'mysystem_prod_west_cpu_load',
    'mysystem_dot_prod_dot_west_dot_cpu_dot_load',
    'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load',
  ],
  [
    'mysystem.prod.west.cpu.load_total',
    'mysystem_prod_west_cpu_load_total',
    'mysystem_dot_prod_dot_west_dot_cpu_dot_load__total',
    'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total',
  ],
  ['http.status:sum', 'http_status:sum', 'http_dot_status:sum', 'U__http_2e_status:sum'],
  ['label with 😱', 'label_with__', 'label__with____', 'U__label_20_with_20__1f631_'],
  ['花火', '__', '____', 'U___82b1__706b_'],
  ['label with Ā', 'label_with__', 'label__with____', 'U__label_20_with_20__100_'],
  ['0day', '_day', '__day', 'U___30_day'],
];

test('metric names are escaped as the reference does it', () => {
  for (const [name, underscores, dots, values] of NAMES) {
    assert.equal(escapeMetricName(name, 'allow-utf-8'), name);
    assert.equal(escapeMetricName(name, 'underscores'), underscores);
    assert.equal(escapeMetricName(name, 'dots'), dots);
    assert.equal(escapeMetricName(name, 'values'), values);
  }
});

test('a colon is escaped in label names', () => {
  assert.equal(escapeLabelName('a:b', 'underscores'), 'a_b');
  assert.equal(escapeLabelName('a:b', 'dots'), 'a__b');
  assert.equal(escapeLabelName('a:b', 'values'), 'U__a_3a_b');
  assert.equal(escapeLabelName('a_b', 'dots'), 'a_b');
});
