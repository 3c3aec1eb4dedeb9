import {
  BACKSLASH,
  LABEL_NAME,
  LABEL_NAME_START,
  LOWER_N,
  METRIC_NAME,
  METRIC_NAME_START,
  NEWLINE,
  QUOTE,
} from './character-classes.ts';
import { printable } from './printable.ts';

/*
 * Names of metrics and labels may be any UTF-8. Those of the classic alphabet stand as they are; any other stands in
 * quotes, with backslash, quote and newline escaped. Each name has but one such form, so forms can be compared.
 */

const MAX_SHOWN = 80;

/** Character by character, which takes a third of what an expression takes: it is asked for each family of a scrape. */
export function isClassicMetricName(name: string): boolean {
  if (name.length === 0 || METRIC_NAME_START[name.charCodeAt(0)] !== 1) return false;
  for (let i = 1; i < name.length; i++) if (METRIC_NAME[name.charCodeAt(i)] !== 1) return false;
  return true;
}

/** Whether `text[start, end)` is a metric name that needs no quotes. */
export function isMetricName(text: Uint8Array, start: number, end: number): boolean {
  return isWordOf(text, start, end, METRIC_NAME_START, METRIC_NAME);
}

/** Whether `text[start, end)` is a label name that needs no quotes. */
export function isLabelName(text: Uint8Array, start: number, end: number): boolean {
  return isWordOf(text, start, end, LABEL_NAME_START, LABEL_NAME);
}

/** What stands between quotes at `text[start, end)`. */
export function unescapeQuoted(text: Buffer, start: number, end: number): string {
  const escaped = text.toString('utf8', start, end);
  if (!escaped.includes('\\')) return escaped;
  return escaped.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

/** Compares two names, quoted ones by what their quotes hold, as bytes. Below 0: the first one comes before. */
export function compareNames(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    let x = a[i++];
    let y = b[j++];
    if (x === y && x !== BACKSLASH) continue;
    if (x === BACKSLASH) x = unescaped(a[i++]);
    if (y === BACKSLASH) y = unescaped(b[j++]);
    if (x !== y) return x - y;
  }
  return i < aEnd ? 1 : j < bEnd ? -1 : 0;
}

/** The closing quote of the name or value that begins at `start`, after the opening one. */
export function closingQuote(text: Uint8Array, start: number): number {
  let i = start;
  while (i < text.length && text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** A name as it may stand in a message. */
export function shownName(name: string): string {
  return printable(name.length <= MAX_SHOWN ? name : `${name.slice(0, MAX_SHOWN - 1)}…`);
}

function unescaped(byte: number): number {
  return byte === LOWER_N ? NEWLINE : byte;
}

function isWordOf(
  text: Uint8Array,
  start: number,
  end: number,
  first: Uint8Array,
  rest: Uint8Array,
): boolean {
  if (start >= end || first[text[start]] === 0) return false;
  for (let i = start + 1; i < end; i++) if (rest[text[i]] === 0) return false;
  return true;
}
