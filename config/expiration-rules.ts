import { formatDuration, parseDuration } from './duration.ts';
import type { Format } from './formats.ts';

/** Groups that a selector matches live for so long after a push that does not say itself. */
export interface ExpirationRule {
  /** `{job="nightly"}`. Whether it is a selector is for the server to say: the configuration knows braces and quotes. */
  readonly match: string;
  /** 0: for ever. */
  readonly expirationMs: number;
}

const LONGEST_MS = parseDuration('876000h') as number;
/** A selector in braces, which may have any character in quotes, and the duration up to the next rule. */
const RULE =
  /\s*(\{(?:[^{}"'`]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})\s*=\s*([^;=\s]+)\s*(?:;|$)/suy;

/**
 * Rules by which groups expire; the first that matches counts. In the file a list of `match` and `expiration`, as a flag
 * `{job="nightly"}=26h;{job=~"x.*"}=0`.
 */
export const expirationRules: Format<readonly ExpirationRule[]> = {
  name: 'expiration rules',
  takes:
    'rules such as {job="nightly"}=26h separated by semicolons, in the file a list of match and expiration (0 to 876000h)',
  parse: parseRules,
  print: (rules) =>
    rules.map(({ match, expirationMs }) => ruleText(match, formatDuration(expirationMs))).join(';'),
  quoted: true,
  isList: true,
  itemText: (fields) => {
    const match = fields.get('match');
    const expiration = fields.get('expiration');
    return match === undefined || expiration === undefined || fields.size !== 2
      ? undefined
      : ruleText(match, expiration);
  },
  separator: ';',
};

function ruleText(match: string, expiration: string): string {
  return `${match}=${expiration}`;
}

function parseRules(given: string): readonly ExpirationRule[] | undefined {
  const text = given.trimEnd();
  const rules: ExpirationRule[] = [];
  for (let at = 0; at < text.length; ) {
    RULE.lastIndex = at;
    const match = RULE.exec(text);
    const expirationMs = match === null ? undefined : parseDuration(match[2] as string);
    if (match === null || expirationMs === undefined || expirationMs > LONGEST_MS) {
      return undefined;
    }
    rules.push({ match: match[1] as string, expirationMs });
    at = RULE.lastIndex;
  }
  return rules;
}
