import assert from 'node:assert/strict';
import { pushedSeries } from '../compat/pushed-series.ts';
import { exchange } from '../compat/raw-exchange.ts';
import type { Target } from '../compat/target.ts';

export type Grouping = Readonly<Record<string, string>>;

/** Values that clients spell in ways of their own. */
export const GROUPINGS: readonly Grouping[] = [
  {},
  { path: '/var/lib/x' },
  { title: 'two words' },
  { empty: '' },
  { city: 'Zürich Πάτρα 東京' },
  { odd: 'a+b%20c?d#e=f&g"h\\i' },
  { both: 'x/y z', empty: '', instance: 'höst:9100' },
];

export const JOBS: readonly string[] = ['nightly', 'backup of/höme'];

/**
 * What a label shows that a client sent in the way of forms: a blank is a plus there, and in a path a plus is a plus. So
 * it is at the official gateway. A value with a slash is in base64, with its blanks.
 */
export function asForm(value: string): string {
  return value.includes('/') ? value : value.replaceAll(' ', '+');
}

export interface Operation {
  readonly op: 'push' | 'add' | 'delete';
  readonly job: string;
  readonly grouping: Grouping;
  readonly value: number;
}

/** What every client does with every group: push and push again, add; and delete each second one. */
export function operations(groupings: readonly Grouping[] = GROUPINGS): Operation[] {
  return groupsOf(groupings).flatMap(({ job, grouping }, i) => {
    const all: Operation[] = [
      { op: 'push', job, grouping, value: 1 },
      { op: 'push', job, grouping, value: 2 },
      { op: 'add', job, grouping, value: 3 },
    ];
    if (i % 2 === 1) all.push({ op: 'delete', job, grouping, value: 0 });
    return all;
  });
}

/** Checks that the groups that were not deleted, and they alone, have `name` with the value 3. */
export async function assertShown(
  target: Target,
  name: string,
  options: { groupings?: readonly Grouping[]; meant?: (value: string) => string } = {},
): Promise<void> {
  const { groupings = GROUPINGS, meant = (value) => value } = options;
  const { body } = await exchange(target.port, { method: 'GET', path: '/metrics' });
  const { series, groups } = pushedSeries(body.toString());
  const expected = groupsOf(groupings)
    .filter((_, i) => i % 2 === 0)
    .map(({ job, grouping }) => {
      const values = { instance: '', ...grouping, job };
      return `{${Object.entries(values)
        .map(([label, value]) => `${label}="${escaped(meant(value))}"`)
        .sort()
        .join(',')}}`;
    });
  assert.deepEqual([...groups.keys()].sort(), [...expected].sort());
  for (const labels of expected) assert.equal(series.get(name + labels), 3, `${name}${labels}`);
}

/** Checks that the series of an exposition are among its series, whatever their numbers look like, and its comments. */
export function assertLines(exposition: string, expected: readonly string[]): void {
  const { series, comments } = pushedSeries(exposition);
  for (const line of expected) {
    if (line.startsWith('#')) {
      assert.ok(comments.has(line), line);
    } else {
      const at = line.lastIndexOf(' ');
      assert.equal(series.get(line.slice(0, at)), Number(line.slice(at + 1)), line);
    }
  }
}

function groupsOf(groupings: readonly Grouping[]): Array<{ job: string; grouping: Grouping }> {
  return JOBS.flatMap((job) => groupings.map((grouping) => ({ job, grouping })));
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
