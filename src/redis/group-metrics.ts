import { SECOND } from '../units.ts';
import { FEATURE_QUOTED_NAMES, NEVER_MS } from './block.ts';
import type { Piece } from './block-merge.ts';
import type { ReadStats } from './family-blocks.ts';
import type { FamilyReading } from './family-reader.ts';
import { type GroupInfo, hasEmptyInstance } from './group.ts';
import type { LiveGroups } from './groups.ts';
import { BUCKETS } from './keys.ts';

/** In labels: the first name, or one after the end of a value. */
const QUOTED_NAME = /^"|","/;

interface GroupMetric {
  readonly name: string;
  readonly help: string;
  value(group: GroupInfo): string;
}

const seconds = (s: number): string => (s === 0 ? '0' : s.toFixed(6));

const PUSH_TIME: GroupMetric = {
  name: 'push_time_seconds',
  help: 'Last Unix time when changing this group in the Pushgateway succeeded.',
  value: ({ pushTimeS }) => seconds(pushTimeS),
};
const FAILURE_TIME: GroupMetric = {
  name: 'push_failure_time_seconds',
  help: 'Last Unix time when changing this group in the Pushgateway failed.',
  value: ({ failureTimeS }) => seconds(failureTimeS),
};
const EXPIRY_TIME: GroupMetric = {
  name: 'push_expiry_time_seconds',
  help: 'Unix time when this group will be dropped unless it is pushed again; +Inf: never.',
  value: ({ deadlineMs }) => (deadlineMs >= NEVER_MS ? '+Inf' : (deadlineMs / SECOND).toFixed(3)),
};

/** Names that no push can give samples to: the store makes them from what it knows of the groups. */
export const GROUP_METRIC_NAMES: ReadonlySet<string> = new Set(
  [PUSH_TIME, FAILURE_TIME, EXPIRY_TIME].map(({ name }) => name),
);

/** Metric families about the groups themselves, one series a group, to be shown beside those that were pushed. */
export function* groupMetrics(
  groups: LiveGroups,
  stats: ReadStats,
  options: { readonly expiry: boolean },
): Generator<FamilyReading, void> {
  for (const metric of options.expiry ? [PUSH_TIME, FAILURE_TIME, EXPIRY_TIME] : [PUSH_TIME, FAILURE_TIME]) {
    const { name, help } = metric;
    yield { name, help, type: 'gauge', unit: undefined, texts: () => texts(groups, stats, metric) };
  }
}

async function* texts(
  groups: LiveGroups,
  stats: ReadStats,
  metric: GroupMetric,
): AsyncGenerator<Piece[], void> {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const shown: GroupInfo[] = [];
    const waiting: GroupInfo[] = [];
    for await (const page of groups.pagesOf(bucket)) {
      for (const group of page) (hasEmptyInstance(group) ? waiting : shown).push(group);
    }
    // Two groups are exposed under the same labels if one has an empty `instance` in its key and the other has none:
    // they share a bucket, and the one without is shown.
    if (waiting.length > 0) {
      const taken = new Set(shown.map(({ exposed }) => exposed));
      for (const group of waiting) if (!taken.has(group.exposed)) shown.push(group);
    }
    if (shown.length === 0) continue;
    stats.series += shown.length;
    let [text, features] = ['', 0];
    for (const group of shown) {
      text += `${metric.name}{${group.exposed}} ${metric.value(group)}\n`;
      if (QUOTED_NAME.test(group.exposed)) features = FEATURE_QUOTED_NAMES;
    }
    yield [{ text: Buffer.from(text), features }];
  }
}
