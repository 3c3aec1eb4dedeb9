import { KIB } from '../units.ts';
import { labelPattern } from './label-pattern.ts';
import { SelectorError } from './selector-error.ts';
import { SelectorScanner } from './selector-scanner.ts';

export { SelectorError };

/** Characters of one selector. */
const MAX_LENGTH = 8 * KIB;
export const METRIC_NAME_LABEL = '__name__';

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const OPEN = /\{/y;
const CLOSE = /\}/y;
const COMMA = /,/y;

/** Which series are meant, as PromQL's instant vector selectors say it: `name{a="b",c!="d",e=~"f|g"}`. */
export interface Selector {
  /** Whether a series of these labels is meant. A label that is missing is empty; the metric name is `__name__`. */
  matches(labels: ReadonlyMap<string, string>): boolean;
  /** Whether a series of this metric name may be meant. */
  matchesName(name: string): boolean;
}

interface Matcher {
  readonly label: string;
  test(value: string): boolean;
}

/** Throws SelectorError. */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_LENGTH) throw new SelectorError(`a selector is longer than ${MAX_LENGTH} characters`);
  const matchers = parse(new SelectorScanner(text));
  // As in Prometheus: whoever means everything has to say so, with {__name__=~".+"}.
  if (matchers.every((matcher) => matcher.test(''))) {
    throw new SelectorError(
      `${JSON.stringify(text.slice(0, 200))} would match whatever there is: a selector needs a matcher that does not match the empty value`,
    );
  }
  return new MatcherList(matchers);
}

class MatcherList implements Selector {
  readonly #all: readonly Matcher[];
  readonly #ofName: readonly Matcher[];

  constructor(matchers: readonly Matcher[]) {
    this.#all = matchers;
    this.#ofName = matchers.filter(({ label }) => label === METRIC_NAME_LABEL);
  }

  matches(labels: ReadonlyMap<string, string>): boolean {
    return this.#all.every(({ label, test }) => test(labels.get(label) ?? ''));
  }

  matchesName(name: string): boolean {
    return this.#ofName.every(({ test }) => test(name));
  }
}

function parse(scanner: SelectorScanner): Matcher[] {
  const matchers: Matcher[] = [];
  const name = scanner.take(METRIC_NAME);
  if (name !== undefined) matchers.push(matcherOf(METRIC_NAME_LABEL, '=', name));
  if (scanner.take(OPEN) !== undefined) {
    while (scanner.take(CLOSE) === undefined) {
      matchers.push(parseMatcher(scanner, matchers));
      if (scanner.take(COMMA) !== undefined) continue;
      if (scanner.take(CLOSE) === undefined) throw scanner.problem('a comma or a closing brace');
      break;
    }
  } else if (name === undefined) {
    throw scanner.problem('a metric name or an opening brace');
  }
  if (!scanner.atEnd) throw scanner.problem('the end');
  return matchers;
}

function parseMatcher(scanner: SelectorScanner, before: readonly Matcher[]): Matcher {
  const quoted = scanner.takeString();
  const label = quoted ?? scanner.take(LABEL_NAME);
  if (label === undefined) throw scanner.problem('a label name');
  const operator = scanner.take(OPERATOR);
  if (operator === undefined) {
    if (quoted === undefined) throw scanner.problem('one of = != =~ !~');
    // A string alone is a metric name that cannot stand before the brace.
    if (before.some((matcher) => matcher.label === METRIC_NAME_LABEL))
      throw new SelectorError('a selector has two metric names');
    return matcherOf(METRIC_NAME_LABEL, '=', quoted);
  }
  const value = scanner.takeString();
  if (value === undefined) throw scanner.problem('a value in quotes');
  return matcherOf(label, operator, value);
}

function matcherOf(label: string, operator: string, value: string): Matcher {
  if (operator === '=') return { label, test: (actual) => actual === value };
  if (operator === '!=') return { label, test: (actual) => actual !== value };
  const matches = labelPattern(value);
  return operator === '=~' ? { label, test: matches } : { label, test: (actual) => !matches(actual) };
}
