import { FEATURE_QUOTED_NAMES } from '../../redis/block.ts';
import { escapeQuoted } from '../../redis/label-text.ts';
import type { GroupingKey } from '../messages.ts';
import { COMMA, EQUALS, QUOTE } from './character-classes.ts';
import type { LabelPlaces } from './label-places.ts';
import { closingQuote, compareNames, isLabelName } from './names.ts';
import type { Scratch } from './scratch.ts';

/**
 * The labels that every series of a push gets. They come before labels of the same name in the body, all but the
 * `instance=""` that is added where neither says of which instance a series is: Prometheus with `honor_labels` would
 * add its own otherwise.
 */
export class GroupLabels {
  /** For the block's header: whether any of them stands in quotes. */
  readonly features: number;
  /** In order, each as it stands in an exposition, and where its name lies in it. */
  readonly #labels: readonly Buffer[];
  readonly #nameStarts: readonly number[];
  readonly #nameEnds: readonly number[];
  readonly #names: ReadonlySet<string>;
  /** The one that gives way to a label of the body, or -1. */
  readonly #weak: number;
  /** Of all of them, with commas. */
  readonly #length: number;

  constructor(key: GroupingKey) {
    const isAdded = !key.some(([name]) => name === 'instance');
    const all = (isAdded ? [...key, ['instance', ''] as const] : [...key])
      .map(([name, value]) => rendered(name, value))
      .sort((a, b) => compareNames(a.label, a.start, a.end, b.label, b.start, b.end));
    this.#labels = all.map(({ label }) => label);
    this.#nameStarts = all.map(({ start }) => start);
    this.#nameEnds = all.map(({ end }) => end);
    this.#names = new Set(key.map(([name]) => name));
    this.#weak = isAdded ? all.findIndex(({ name }) => name === 'instance') : -1;
    this.#length = all.reduce((length, { label }) => length + label.length + 1, 0);
    this.features = all.some(({ start }) => start > 0) ? FEATURE_QUOTED_NAMES : 0;
  }

  /** Whether the grouping key has a label of this name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Of a series that has no labels of its own. */
  text(): string {
    return this.#labels.join(',');
  }

  /** Appends these labels and those of a series, `text[start, end)` in canonical form, in order of their names. */
  write(to: Scratch, text: Uint8Array, start: number, end: number): void {
    const first = to.length;
    to.reserve(end - start + this.#length);
    let next = 0;
    let at = start;
    while (at < end && next < this.#labels.length) {
      const nameStart = text[at] === QUOTE ? at + 1 : at;
      const nameEnd = text[at] === QUOTE ? closingQuote(text, nameStart) : endOfName(text, at);
      const labelEnd = closingQuote(text, nameEnd + (nameStart - at) + 2) + 1;
      let order = this.#compare(next, text, nameStart, nameEnd);
      while (order < 0) {
        this.#put(to, first, next++);
        order = next < this.#labels.length ? this.#compare(next, text, nameStart, nameEnd) : 1;
      }
      if (order === 0 && next !== this.#weak) {
        this.#put(to, first, next++);
      } else {
        if (order === 0) next++;
        if (to.length > first) to.byte(COMMA);
        to.copy(text, at, labelEnd);
      }
      at = labelEnd + 1;
    }
    while (next < this.#labels.length) this.#put(to, first, next++);
    if (at < end) {
      if (to.length > first) to.byte(COMMA);
      to.copy(text, at, end);
    }
  }

  /**
   * Goes through these labels and those of a series, none in quotes, in order of their names: a label of this group is
   * given, or else the number of one of the series.
   */
  forEachInOrder(
    text: Uint8Array,
    places: LabelPlaces,
    visit: (own: number, label: Buffer | undefined) => void,
  ): void {
    let next = 0;
    for (let own = 0; own < places.count; own++) {
      const nameEnd = places.valueStart[own] - 2;
      let isReplaced = false;
      for (; next < this.#labels.length; next++) {
        const order = this.#compare(next, text, places.start[own], nameEnd);
        if (order > 0) break;
        if (order === 0 && next === this.#weak) continue;
        visit(own, this.#labels[next]);
        isReplaced ||= order === 0;
      }
      if (!isReplaced) visit(own, undefined);
    }
    for (; next < this.#labels.length; next++) visit(places.count, this.#labels[next]);
  }

  #compare(label: number, text: Uint8Array, start: number, end: number): number {
    return compareNames(
      this.#labels[label],
      this.#nameStarts[label],
      this.#nameEnds[label],
      text,
      start,
      end,
    );
  }

  #put(to: Scratch, first: number, label: number): void {
    if (to.length > first) to.byte(COMMA);
    to.append(this.#labels[label]);
  }
}

/** The labels of a push, made once for it. */
export function groupLabels(key: GroupingKey): GroupLabels {
  return new GroupLabels(key);
}

interface RenderedLabel {
  readonly name: string;
  readonly label: Buffer;
  readonly start: number;
  readonly end: number;
}

function rendered(name: string, value: string): RenderedLabel {
  const bytes = Buffer.from(escapeQuoted(name));
  const quote = isLabelName(bytes, 0, bytes.length) ? '' : '"';
  const label = Buffer.from(`${quote}${escapeQuoted(name)}${quote}="${escapeQuoted(value)}"`);
  return { name, label, start: quote.length, end: quote.length + bytes.length };
}

function endOfName(text: Uint8Array, start: number): number {
  let i = start;
  while (text[i] !== EQUALS) i++;
  return i;
}
