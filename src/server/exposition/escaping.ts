import { isClassicMetricName } from '../../workers/exposition/names.ts';

/**
 * How names that are not of the classic alphabet are shown to a reader that knows no others; the reader chooses with
 * the parameter `escaping` of its Accept header.
 */
export type Escaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

export const ESCAPINGS: ReadonlySet<string> = new Set<Escaping>([
  'allow-utf-8',
  'underscores',
  'dots',
  'values',
]);

const CLASSIC_LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_CHARACTER = /[a-zA-Z0-9_:]/;
const LABEL_CHARACTER = /[a-zA-Z0-9_]/;
const DIGIT = /[0-9]/;

/** As EscapeName in prometheus/common does it. Classic names stay as they are, also with `dots`, as in its families. */
export function escapeMetricName(name: string, escaping: Escaping): string {
  return isClassicMetricName(name) ? name : escapeName(name, escaping, METRIC_CHARACTER);
}

/** Likewise, but a colon, which that leaves in labels too, is escaped: no parser takes it there. */
export function escapeLabelName(name: string, escaping: Escaping): string {
  return CLASSIC_LABEL_NAME.test(name) ? name : escapeName(name, escaping, LABEL_CHARACTER);
}

function escapeName(name: string, escaping: Escaping, allowed: RegExp): string {
  if (escaping === 'allow-utf-8') return name;
  let escaped = escaping === 'values' ? 'U__' : '';
  let first = true;
  for (const character of name) {
    const stays = allowed.test(character) && !(first && DIGIT.test(character));
    escaped += escapeCharacter(character, escaping, stays);
    first = false;
  }
  return escaped;
}

function escapeCharacter(character: string, escaping: Escaping, stays: boolean): string {
  if (escaping === 'underscores') return stays ? character : '_';
  if (character === '_') return '__';
  if (stays) return character;
  if (escaping === 'dots') return character === '.' ? '_dot_' : '__';
  return `_${(character.codePointAt(0) as number).toString(16)}_`;
}
