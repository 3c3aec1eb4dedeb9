import type { Piece } from '../../redis/block-merge.ts';
import type { SeriesSelection } from '../../redis/exposition.ts';
import { type FamilyHead, kindOf } from '../../redis/family-reader.ts';
import { METRIC_NAME_LABEL, type Selector } from '../selectors.ts';
import { LABEL_STRIDE, StoredLine, unescapeText } from './stored-line.ts';

const SUFFIXES = {
  plain: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['', '_bucket', '_sum', '_count'],
};
const BOUNDS = { plain: undefined, summary: 'quantile', histogram: 'le' };

/**
 * The series that any of the selectors means, and, if there are jobs, that are of one of them. A histogram or summary is
 * shown as a whole, if it is meant under any of its names; its bounds are not looked at.
 */
export class SeriesFilter implements SeriesSelection {
  readonly #selectors: readonly Selector[];
  readonly #jobs: ReadonlySet<string>;

  constructor(selectors: readonly Selector[], jobs: Iterable<string>) {
    this.#selectors = selectors;
    this.#jobs = new Set(jobs);
  }

  mayHold(family: string): boolean {
    // Of what type it is, is not known yet.
    return this.#selectors.length === 0 || this.#selectorsFor(namesOf(family, 'histogram')).length > 0;
  }

  of({ name, type }: FamilyHead): (piece: Piece) => Piece | undefined {
    const kind = kindOf(type);
    const names = namesOf(name, kind);
    const selectors = this.#selectorsFor(names);
    if (this.#selectors.length > 0 && selectors.length === 0) return () => undefined;
    const matches = (labels: Map<string, string>): boolean =>
      (this.#jobs.size === 0 || this.#jobs.has(labels.get('job') ?? '')) &&
      (selectors.length === 0 || names.some((sample) => this.#isMeant(selectors, labels, sample)));
    return pieceFilter(matches, BOUNDS[kind]);
  }

  #selectorsFor(names: readonly string[]): Selector[] {
    return this.#selectors.filter((selector) => names.some((name) => selector.matchesName(name)));
  }

  #isMeant(selectors: readonly Selector[], labels: Map<string, string>, name: string): boolean {
    labels.set(METRIC_NAME_LABEL, name);
    return selectors.some((selector) => selector.matches(labels));
  }
}

function namesOf(family: string, kind: keyof typeof SUFFIXES): string[] {
  return SUFFIXES[kind].map((suffix) => family + suffix);
}

function pieceFilter(
  matches: (labels: Map<string, string>) => boolean,
  bound: string | undefined,
): (piece: Piece) => Piece | undefined {
  const line = new StoredLine();
  return ({ text, features }) => {
    const shown: Buffer[] = [];
    let from = 0;
    let last = text;
    let lastMatches = false;
    for (let at = 0; at < text.length; ) {
      const next = line.scan(text, at);
      const labels = ownLabels(text, line, bound);
      // The lines of an instance follow each other.
      if (!labels.equals(last)) {
        const now = matches(labelMap(text, line, bound));
        if (lastMatches && !now) shown.push(text.subarray(from, at));
        if (!lastMatches) from = at;
        lastMatches = now;
        last = labels;
      }
      at = next;
    }
    if (lastMatches) shown.push(text.subarray(from));
    if (shown.length === 0) return undefined;
    return { text: shown.length === 1 ? shown[0] : Buffer.concat(shown), features };
  };
}

function ownLabels(text: Buffer, line: StoredLine, bound: string | undefined): Buffer {
  const count = ownLabelCount(text, line, bound);
  return text.subarray(
    line.labelsStart,
    count === 0 ? line.labelsStart : line.labels[count * LABEL_STRIDE - 1],
  );
}

function labelMap(text: Buffer, line: StoredLine, bound: string | undefined): Map<string, string> {
  const map = new Map<string, string>();
  const count = ownLabelCount(text, line, bound);
  for (let i = 0; i < count * LABEL_STRIDE; i += LABEL_STRIDE) {
    const [nameStart, nameEnd, valueStart, valueEnd] = line.labels.slice(i, i + LABEL_STRIDE);
    map.set(unescapeText(text, nameStart, nameEnd), unescapeText(text, valueStart, valueEnd));
  }
  return map;
}

/** All but the bound, which is the last. */
function ownLabelCount(text: Buffer, line: StoredLine, bound: string | undefined): number {
  if (bound === undefined || line.labelCount === 0) return line.labelCount;
  const at = (line.labelCount - 1) * LABEL_STRIDE;
  const last = text.toString('latin1', line.labels[at], line.labels[at + 1]);
  return last === bound ? line.labelCount - 1 : line.labelCount;
}
