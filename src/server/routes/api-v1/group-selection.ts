import type { GroupingKey } from '../../../workers/messages.ts';
import { RequestError } from '../../errors.ts';
import { parseSelector, SelectorError } from '../../selectors.ts';

const MAX_SELECTORS = 100;

/** Whether a group is meant: by one of the selectors, or by none if there is none. */
export interface GroupSelection {
  readonly isEmpty: boolean;
  includes(labels: GroupingKey): boolean;
}

/** The groups that `match[]` of the query selects. Throws RequestError for what is no selector. */
export function groupSelection(query: URLSearchParams): GroupSelection {
  const texts = query.getAll('match[]');
  if (texts.length > MAX_SELECTORS) {
    throw new RequestError('ERR_BAD_QUERY', `got ${texts.length} selectors, takes at most ${MAX_SELECTORS}`);
  }
  try {
    const selectors = texts.map(parseSelector);
    return {
      isEmpty: selectors.length === 0,
      includes: (labels) => {
        if (selectors.length === 0) return true;
        const byName = new Map(labels);
        return selectors.some((selector) => selector.matches(byName));
      },
    };
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    throw new RequestError('ERR_BAD_QUERY', `match[]: ${error.message}`, { cause: error });
  }
}
