import type { Bench } from './bench.ts';

/** Something to measure, by the name that the command line knows it by. */
export interface Row {
  readonly name: string;
  readonly about: string;
  measure(bench: Bench): Promise<Line[]>;
}

/** A line of the table. Without `official` or `floor` there is nothing to compare with. */
export interface Line {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly official?: number | undefined;
  readonly floor?: number | undefined;
  /** A rate: more is better. */
  readonly more?: boolean;
  readonly goals?: readonly Goal[];
  readonly note?: string | undefined;
}

export type Goal =
  /** So many times better than the official gateway. */
  | { readonly kind: 'times-better'; readonly atLeast: number }
  | { readonly kind: 'times-floor'; readonly atMost: number }
  | { readonly kind: 'at-most'; readonly value: number }
  | { readonly kind: 'at-least'; readonly value: number }
  /** Compared with a figure of ours that was measured beside it. */
  | { readonly kind: 'times-other'; readonly atMost: number; readonly other: number; readonly name: string };

export interface Verdict {
  readonly goal: string;
  readonly met: boolean;
}

/** How many times better than the official gateway ours is; undefined if it was not measured. */
export function timesBetter({ ours, official, more }: Line): number | undefined {
  if (official === undefined) return undefined;
  return more ? ours / official : official / ours;
}

export function timesFloor({ ours, floor }: Line): number | undefined {
  return floor === undefined ? undefined : ours / floor;
}

export function judge(line: Line): Verdict[] {
  return (line.goals ?? []).map((goal) => verdict(line, goal));
}

function verdict(line: Line, goal: Goal): Verdict {
  switch (goal.kind) {
    case 'times-better':
      return { goal: `≥ ${goal.atLeast} × official`, met: (timesBetter(line) ?? Number.NaN) >= goal.atLeast };
    case 'times-floor':
      return { goal: `≤ ${goal.atMost} × floor`, met: (timesFloor(line) ?? Number.NaN) <= goal.atMost };
    case 'at-most':
      return { goal: `≤ ${goal.value} ${line.unit}`, met: line.ours <= goal.value };
    case 'at-least':
      return { goal: `≥ ${goal.value} ${line.unit}`, met: line.ours >= goal.value };
    case 'times-other': {
      const times = line.ours / goal.other;
      return {
        goal: `≤ ${goal.atMost} × ${goal.name} (is ${times.toFixed(2)})`,
        met: times <= goal.atMost,
      };
    }
  }
}
