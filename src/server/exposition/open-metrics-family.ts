import type { FamilyHead } from '../../redis/family-reader.ts';

/** Families that are shown in every exposition, and whose names no counter is shortened to. */
const RESERVED = ['push_time_seconds', 'push_failure_time_seconds', 'push_expiry_time_seconds'];

/** A family as OpenMetrics shows it. */
export interface OpenMetricsFamily {
  /** In its HELP, TYPE and UNIT lines. */
  readonly name: string;
  readonly type: string;
  /** Of its created times; undefined if they cannot be shown. */
  readonly createdName: string | undefined;
  readonly bound: 'le' | 'quantile' | undefined;
  readonly exemplars: boolean;
  readonly claims: readonly string[];
}

/**
 * OpenMetrics names a counter without `_total` and an info without `_info`. One that has no such suffix, or whose name
 * without it is that of another family, is shown under its own name as what it may be called then.
 *
 * Strictly, `x_created` must not be another family beside a counter or histogram `x`, but pushes in text format have just
 * that, so it is: only created times of our own are not shown then.
 *
 * @param shown the name of the family, escaped if need be
 * @param taken names of other families
 */
export function openMetricsFamily(
  shown: string,
  { type }: Pick<FamilyHead, 'type'>,
  taken: ReadonlySet<string>,
): OpenMetricsFamily {
  const created = (name: string): string | undefined =>
    taken.has(`${name}_created`) ? undefined : `${name}_created`;
  const plain = (name: string, as: string): OpenMetricsFamily => ({
    name,
    type: as,
    createdName: undefined,
    bound: undefined,
    exemplars: false,
    claims: name === shown ? [shown] : [shown, name],
  });
  switch (type) {
    case 'counter': {
      const name = without(shown, '_total');
      if (name === undefined || taken.has(name) || RESERVED.includes(name)) return plain(shown, 'unknown');
      return { ...plain(name, type), createdName: created(name), exemplars: true };
    }
    case 'info': {
      const name = without(shown, '_info');
      if (name === undefined || taken.has(name) || taken.has(`${name}_total`) || RESERVED.includes(name))
        return plain(shown, 'gauge');
      return plain(name, type);
    }
    case 'histogram':
      return {
        ...plain(shown, type),
        createdName: created(shown),
        bound: 'le',
        exemplars: true,
        claims: [shown, `${shown}_bucket`, `${shown}_sum`, `${shown}_count`],
      };
    case 'gaugehistogram':
      return {
        ...plain(shown, type),
        bound: 'le',
        exemplars: true,
        claims: [shown, `${shown}_bucket`, `${shown}_gsum`, `${shown}_gcount`],
      };
    case 'summary':
      return {
        ...plain(shown, type),
        createdName: created(shown),
        bound: 'quantile',
        claims: [shown, `${shown}_sum`, `${shown}_count`],
      };
    case 'gauge':
    case 'stateset':
      return plain(shown, type);
    default:
      return plain(shown, 'unknown');
  }
}

function without(name: string, suffix: string): string | undefined {
  return name.length > suffix.length && name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
}
