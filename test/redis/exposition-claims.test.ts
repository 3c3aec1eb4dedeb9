import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkPool, Exposition } from '../../src/redis/exposition.ts';
import { StoredWriter } from '../../src/redis/exposition-writer.ts';

type Shown = readonly [name: string, type: string];

/** The names of those that are shown, in buckets of families that can clash. */
function shown(...buckets: ReadonlyArray<readonly Shown[]>): string[] {
  const exposition = new Exposition(new StoredWriter(), chunkPool());
  const names: string[] = [];
  for (const families of buckets) {
    exposition.enter(families.map(([name]) => name));
    for (const [name, type] of families) {
      const show = exposition.open({ name, type, help: undefined, unit: undefined, texts: () => [] });
      if (show === undefined) continue;
      show.piece({ text: Buffer.from(`${name} 1\n`), features: 0 });
      show.end();
      names.push(name);
    }
  }
  exposition.finish();
  exposition.close();
  return names;
}

test('of two families that claim one sample name the first is shown, whichever it is', () => {
  assert.deepEqual(
    shown([
      ['x_count', 'gauge'],
      ['x', 'histogram'],
    ]),
    ['x_count'],
  );
  assert.deepEqual(
    shown([
      ['x', 'histogram'],
      ['x_count', 'gauge'],
    ]),
    ['x'],
  );
  assert.deepEqual(
    shown([
      ['x', 'summary'],
      ['x_bucket', 'gauge'],
      ['x_sum', 'gauge'],
    ]),
    ['x', 'x_bucket'],
  );
});

test('those before and between count, whatever they claim themselves', () => {
  const families: Shown[] = [
    ['a', 'gauge'],
    ['x_sum', 'gauge'],
    ['b', 'histogram'],
    ['c', 'gauge'],
    ['x', 'summary'],
    ['b_count', 'gauge'],
    ['c', 'histogram'],
    ['d', 'gauge'],
  ];
  assert.deepEqual(shown(families), ['a', 'x_sum', 'b', 'c', 'd']);
});

test('families of different buckets are not compared', () => {
  assert.deepEqual(shown([['x_count', 'gauge']], [['x', 'histogram']], [['x_sum', 'gauge']]), [
    'x_count',
    'x',
    'x_sum',
  ]);
});

test('a family without anything to show claims nothing', () => {
  const exposition = new Exposition(new StoredWriter(), chunkPool());
  exposition.enter(['x', 'x_sum']);
  const head = { help: undefined, unit: undefined, texts: () => [] };
  exposition.open({ name: 'x', type: 'histogram', ...head })?.end();
  assert.notEqual(exposition.open({ name: 'x_sum', type: 'gauge', ...head }), undefined);
  exposition.close();
});
