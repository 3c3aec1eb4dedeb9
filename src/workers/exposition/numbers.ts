import { DOT, MINUS, NINE, PLUS, ZERO } from './character-classes.ts';

const INFINITY = 'infinity';
const NAN = 'nan';

/** 10 to this power, and so a number of as many digits before its point, is below the largest float64. */
const SAFE_POWER = 308;

const LARGEST_INT64 = 2n ** 63n - 1n;
const SMALLEST_INT64 = -(2n ** 63n);

/**
 * The end of the number that begins at `start`, or -1. A number is what Go's ParseFloat takes, without hexadecimal
 * digits and underscores, as in the reference parser: what is too large is an error, what is too small is not.
 */
export function numberEnd(text: Buffer, start: number, end: number): number {
  let i = start;
  let byte = text[i];
  const signed = byte === MINUS || byte === PLUS;
  if (signed) byte = text[++i];

  const digitsStart = i;
  while (i < end && isDigit(text[i])) i++;
  const whole = i - digitsStart;
  let digits = whole;
  if (i < end && text[i] === DOT) {
    const fractionStart = ++i;
    while (i < end && isDigit(text[i])) i++;
    digits += i - fractionStart;
  }
  if (digits === 0) return i === digitsStart ? wordEnd(text, i, end, signed) : -1;

  let power = whole;
  if (i < end && (text[i] | 0x20) === 0x65 /* e */) {
    i++;
    const negative = text[i] === MINUS;
    if (negative || text[i] === PLUS) i++;
    const exponentStart = i;
    let exponent = 0;
    for (; i < end && isDigit(text[i]); i++) exponent = Math.min(exponent * 10 + text[i] - ZERO, 1e6);
    if (i === exponentStart) return -1;
    power += negative ? -exponent : exponent;
  }
  if (power > SAFE_POWER && !Number.isFinite(Number(text.toString('latin1', start, i)))) return -1;
  return i;
}

/** Whether `text[start, end)` is an integer of 64 bits, as Go's ParseInt takes them in base 10. */
export function isInt64(text: Buffer, start: number, end: number): boolean {
  const first = text[start] === MINUS || text[start] === PLUS ? start + 1 : start;
  if (first >= end) return false;
  for (let i = first; i < end; i++) {
    if (!isDigit(text[i])) return false;
  }
  if (end - first <= 18) return true;
  let significant = first;
  while (significant < end && text[significant] === ZERO) significant++;
  if (end - significant > 19) return false;
  const magnitude = BigInt(text.toString('latin1', significant, end) || '0');
  const value = text[start] === MINUS ? -magnitude : magnitude;
  return value >= SMALLEST_INT64 && value <= LARGEST_INT64;
}

/** The value of a number that `numberEnd` has accepted. */
export function parseNumber(number: string): number {
  if (/^nan$/i.test(number)) return Number.NaN;
  if (/^[+-]?inf/i.test(number)) return number.startsWith('-') ? -Infinity : Infinity;
  return Number(number);
}

/**
 * Renders a float as Go's strconv does with format 'g' and the shortest precision, which is how `le` and `quantile`
 * appear in an exposition: with an exponent, of two digits at least, where it is below -4 or above 5.
 */
export function formatBound(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  if (value === 0) return '0';
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power <= 5) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Infinities take a sign, NaN does not. */
function wordEnd(text: Buffer, start: number, end: number, signed: boolean): number {
  if (!signed && matches(text, start, end, NAN) === NAN.length) return start + NAN.length;
  const length = matches(text, start, end, INFINITY);
  return length === 3 || length === INFINITY.length ? start + length : -1;
}

/** How many bytes from `start` on spell the beginning of `word`, in any case. */
function matches(text: Buffer, start: number, end: number, word: string): number {
  let n = 0;
  while (n < word.length && start + n < end && (text[start + n] | 0x20) === word.charCodeAt(n)) n++;
  return n;
}
