import type { FamilyKind } from './block.ts';

/** A family that must not live beside another one, or must not when it is of certain kinds. */
export interface Clash {
  readonly family: string;
  readonly kinds: 'any' | 'histogram' | 'histogram summary';
}

/** How the scripts are told of these kinds: see commands/shared/clashes.lua. */
export const CLASH_CODES: Readonly<Record<Clash['kinds'], number>> = {
  any: 0,
  histogram: 1,
  'histogram summary': 2,
};

const OWN_SUFFIXES: Readonly<Record<FamilyKind, readonly string[]>> = {
  plain: [],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['_sum', '_count'],
};

const NONE: readonly Clash[] = [];
const ENDS_LIKE_OWN = /_(bucket|sum|count)$/;

/**
 * The families that claim a name which this one would expose samples under: a histogram `x` has the samples
 * `x_bucket`, `x_sum` and `x_count`, so no family of those names may live beside it, whichever was first.
 */
export function clashesOf(name: string, kind: FamilyKind): readonly Clash[] {
  // Asked for each family of each push, and most have none.
  if (kind === 'plain' && !ENDS_LIKE_OWN.test(name)) return NONE;
  const clashes: Clash[] = OWN_SUFFIXES[kind].map((suffix) => ({ family: name + suffix, kinds: 'any' }));
  for (const suffix of OWN_SUFFIXES.histogram) {
    if (name.length > suffix.length && name.endsWith(suffix)) {
      const family = name.slice(0, -suffix.length);
      clashes.push({ family, kinds: suffix === '_bucket' ? 'histogram' : 'histogram summary' });
    }
  }
  return clashes;
}

/** The sample names of a family: no two families of one exposition may share any. */
export function occupiedNames(name: string, kind: FamilyKind): string[] {
  // Asked for each family of a scrape, and most have no other.
  return kind === 'plain' ? [name] : [name, ...OWN_SUFFIXES[kind].map((suffix) => name + suffix)];
}
