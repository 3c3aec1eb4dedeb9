import { BACKSLASH, BLANK, CLOSE, HASH, LOWER_N, OPEN, QUOTE, skipBlanks } from './character-classes.ts';
import { numberEnd } from './numbers.ts';

const LOWER_C = 0x63;

/**
 * Whether `text[start, end)` is a series of extras, as converters put them after value and timestamp of a line: ` #c `
 * and a time, ` #n ` and a native histogram in base64, ` # {…} ` and the number of an exemplar, perhaps with its time.
 * Only their shape is looked at: they are kept as they stand.
 */
export function areExtras(text: Buffer, start: number, end: number): boolean {
  let i = start;
  while (i < end) {
    i = extraEnd(text, i, end);
    if (i < 0 || (i < end && text[i++] !== BLANK)) return false;
  }
  return text[end - 1] !== BLANK;
}

/** Where the extra ends that begins with the `#` at `start`, or -1. */
function extraEnd(text: Buffer, start: number, end: number): number {
  if (text[start] !== HASH) return -1;
  if (text[start + 1] === BLANK) return text[start + 2] === OPEN ? exemplarEnd(text, start + 3, end) : -1;
  if (text[start + 2] !== BLANK) return -1;
  if (text[start + 1] === LOWER_C) return numberEnd(text, start + 3, end);
  return text[start + 1] === LOWER_N ? wordEnd(text, start + 3, end) : -1;
}

/** @param start after the opening brace */
function exemplarEnd(text: Buffer, start: number, end: number): number {
  let i = start;
  let quoted = false;
  for (; i < end && (quoted || text[i] !== CLOSE); i++) {
    if (text[i] === QUOTE) quoted = !quoted;
    else if (quoted && text[i] === BACKSLASH) i++;
  }
  if (i >= end || text[i + 1] !== BLANK) return -1;
  const value = numberEnd(text, i + 2, end);
  if (value < 0 || value >= end || text[value + 1] === HASH) return value;
  return numberEnd(text, skipBlanks(text, value, end), end);
}

function wordEnd(text: Buffer, start: number, end: number): number {
  const blank = text.indexOf(BLANK, start);
  const wordEnds = blank < 0 || blank > end ? end : blank;
  return wordEnds > start ? wordEnds : -1;
}
