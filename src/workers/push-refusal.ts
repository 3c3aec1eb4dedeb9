import type { Refusal } from '../redis/group-push.ts';
import { metricText } from './exposition/metric-text.ts';

const INCONSISTENT = 'pushed metrics are invalid or inconsistent with existing metrics';
/** So many reasons are told at most. */
const MAX_REASONS = 20;

/** What the sender of an inconsistent push is told, in the words of the reference. */
export function inconsistent(reasons: readonly string[]): string {
  if (reasons.length === 1) return `${INCONSISTENT}: ${reasons[0]}`;
  const shown = reasons.slice(0, MAX_REASONS).map((reason) => `\n* ${reason}`);
  return `${INCONSISTENT}: ${reasons.length} error(s) occurred:${shown.join('')}`;
}

/** Why the store refuses a family of a push. */
export function reasonOf(refusal: Refusal): string {
  const { family } = refusal;
  const { name } = family;
  switch (refusal.reason) {
    case 'shared':
      return `collected ${metricText(name, '')} was collected before with the same name and label values: another group has a series of it`;
    case 'limit':
      return `metric family "${name}" is pushed by groups with too many different sets of grouping labels`;
    case 'taken': {
      const { by, type } = refusal;
      if (by === name) {
        const [has, should] = [family.type.toUpperCase(), type.toUpperCase()];
        return `pushed metric family ${name} has type ${has} but should have ${should}, as others push it`;
      }
      return by.length < name.length
        ? `collected metric named "${name}" collides with previously collected ${type} named "${by}"`
        : `collected histogram or summary named "${name}" collides with previously collected metric named "${by}"`;
    }
  }
}
