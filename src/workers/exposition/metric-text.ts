import { escapeQuoted } from '../../redis/label-text.ts';
import { CLOSE, COMMA, EQUALS, QUOTE } from './character-classes.ts';
import { closingQuote } from './names.ts';

/** So many labels are shown at most. */
const MAX_LABELS = 32;

/**
 * A series in the words of the reference's messages, `metric "m" { label:{name:"a" value:"b"} }`.
 *
 * @param labels in canonical form, perhaps with the rest of the line after them
 * @param except the name of a label to leave out
 */
export function metricText(name: string, labels: string, except?: string): string {
  const pairs = labelsOf(labels).filter(([label]) => label !== except);
  const shown = pairs.map(([label, value]) => `label:{name:"${label}" value:"${value}"} `);
  const more = shown.length > MAX_LABELS ? '… ' : '';
  return `metric "${escapeQuoted(name)}" { ${shown.slice(0, MAX_LABELS).join('')}${more}}`;
}

/** Names and values, still escaped. */
function labelsOf(labels: string): Array<[name: string, value: string]> {
  const bytes = Buffer.from(labels);
  const pairs: Array<[string, string]> = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== CLOSE && pairs.length <= MAX_LABELS) {
    const quoted = bytes[at] === QUOTE ? 1 : 0;
    const nameEnd = quoted === 1 ? closingQuote(bytes, at + 1) : bytes.indexOf(EQUALS, at);
    const valueStart = nameEnd + quoted + 2;
    const valueEnd = closingQuote(bytes, valueStart);
    pairs.push([bytes.toString('utf8', at + quoted, nameEnd), bytes.toString('utf8', valueStart, valueEnd)]);
    at = valueEnd + 1;
    if (bytes[at] === COMMA) at++;
  }
  return pairs;
}
