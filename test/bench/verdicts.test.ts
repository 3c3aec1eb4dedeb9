import assert from 'node:assert/strict';
import test from 'node:test';
import { judge, type Line, timesBetter, timesFloor } from '../../bench/row.ts';
import { renderTable } from '../../bench/table.ts';

const LINE: Line = { what: 'a push', unit: 's', ours: 0.5, official: 5, floor: 0.25 };

test('how many times better: of times the smaller one, of rates the larger one', () => {
  assert.equal(timesBetter(LINE), 10);
  assert.equal(timesBetter({ ...LINE, more: true }), 0.1);
  assert.equal(timesFloor(LINE), 2);
  assert.equal(timesBetter({ what: 'alone', unit: 's', ours: 1 }), undefined);
});

test('a goal is met or not, each by itself', () => {
  const met = (goal: NonNullable<Line['goals']>[number]) => judge({ ...LINE, goals: [goal] })[0].met;
  assert.equal(met({ kind: 'times-better', atLeast: 10 }), true);
  assert.equal(met({ kind: 'times-better', atLeast: 10.1 }), false);
  assert.equal(met({ kind: 'times-floor', atMost: 2 }), true);
  assert.equal(met({ kind: 'times-floor', atMost: 1.9 }), false);
  assert.equal(met({ kind: 'at-most', value: 0.5 }), true);
  assert.equal(met({ kind: 'at-most', value: 0.4 }), false);
  assert.equal(met({ kind: 'at-least', value: 0.5 }), true);
  assert.equal(met({ kind: 'at-least', value: 0.6 }), false);
  assert.equal(met({ kind: 'times-other', atMost: 1.5, other: 0.4, name: 'main' }), true);
  assert.equal(met({ kind: 'times-other', atMost: 1.2, other: 0.4, name: 'main' }), false);
});

test('what was not measured meets no goal', () => {
  const goals = [
    { kind: 'times-better', atLeast: 0 },
    { kind: 'times-floor', atMost: 100 },
    { kind: 'at-most', value: 100 },
  ] as const;
  const line: Line = { what: 'nothing', unit: 's', ours: Number.NaN, goals };
  assert.deepEqual(
    judge(line).map(({ met }) => met),
    [false, false, false],
  );
});

test('the table has a line for each figure, with the name of its row once', () => {
  const table = renderTable([
    {
      row: 'one',
      lines: [
        { ...LINE, goals: [{ kind: 'times-better', atLeast: 7 }] },
        { ...LINE, ours: 12_345 },
      ],
    },
  ]).split('\n');
  assert.equal(table.length, 4);
  assert.match(
    table[2],
    /^\| one +\| a push \| +0\.500 s \| +5\.00 s \| +10\.0 × \| +0\.250 s \| +2\.00 × \| ≥ 7 × official \| yes \|/,
  );
  assert.match(table[3], /^\| +\| a push \| +12,345 s \|/);
});
