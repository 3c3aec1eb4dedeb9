import {
  BACKSLASH,
  BLANK,
  CLOSE,
  COMMA,
  DOT,
  EQUALS,
  LABEL_NAME,
  LABEL_NAME_START,
  LABEL_VALUE,
  LOWER_N,
  MINUS,
  NEWLINE,
  NINE,
  OPEN,
  QUOTE,
  UNDERSCORE,
  ZERO,
} from './character-classes.ts';
import { LabelPlaces } from './label-places.ts';
import { MAX_LABELS } from './line-labels.ts';
import { numberEnd } from './numbers.ts';

/** So many digits are in the range of a float64, wherever the point stands. */
const SAFE_DIGITS = 300;

/**
 * The form of sample lines that nearly all clients send and that can be stored as it stands: labels in order, none
 * twice, none empty, no blank but one before the value, no timestamp, a newline at the end. Recognised in one pass over
 * the bytes; every other line is left to SampleLine.
 */
export class CanonicalLine {
  labelsStart = 0;
  labelsEnd = 0;
  /** The bound of an instance, from the label's name to its closing quote, and its value; -1 if there is none. */
  boundStart = 0;
  boundEnd = 0;
  boundValue = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Where the labels are, when the line was recognised and has any. */
  readonly places = new LabelPlaces();
  /** Whether the line has the same label names as the one that was scanned before. */
  isLikeBefore = false;

  /** Must be called before the first scan of a text. */
  begin(text: Buffer): void {
    this.places.begin(text);
  }

  /**
   * @param text must have a newline at or after `at`
   * @param at the end of the metric name
   * @param bound the name of the label that may stand anywhere, `le` of a histogram or `quantile` of a summary
   * @returns whether the line is canonical
   */
  scan(text: Buffer, at: number, bound: Uint8Array | undefined): boolean {
    this.boundStart = -1;
    let i = at;
    if (text[i] === OPEN) {
      const end = this.places.follow(text, i + 1, bound);
      this.isLikeBefore = end > 0;
      if (end > 0) {
        this.#takePlaces(i + 1, end);
        i = end + 1;
      } else {
        i = this.#scanLabels(text, i + 1, bound);
        if (i < 0) return false;
      }
    } else {
      this.isLikeBefore = false;
      this.labelsStart = i;
      this.labelsEnd = i;
    }
    if (text[i] !== BLANK) return false;
    return this.#scanValue(text, i + 1);
  }

  /** @returns the offset after the closing brace, or -1 */
  #scanLabels(text: Buffer, start: number, bound: Uint8Array | undefined): number {
    let i = start;
    let previousStart = 0;
    let previousEnd = 0;
    const { places } = this;
    places.clear();
    let isEscaped = false;
    for (let labels = 0; ; labels++) {
      if (labels === MAX_LABELS) return -1;
      const nameStart = i;
      if (LABEL_NAME_START[text[i]] === 0) return -1;
      do i++;
      while (LABEL_NAME[text[i]] === 1);
      const nameEnd = i;
      if (text[i] !== EQUALS || text[i + 1] !== QUOTE) return -1;

      const valueStart = i + 2;
      i = valueStart;
      while (LABEL_VALUE[text[i]] === 1) i++;
      while (text[i] === BACKSLASH) {
        isEscaped = true;
        const escaped = text[i + 1];
        if (escaped !== BACKSLASH && escaped !== QUOTE && escaped !== LOWER_N) return -1;
        i += 2;
        while (LABEL_VALUE[text[i]] === 1) i++;
      }
      if (text[i] !== QUOTE || i === valueStart) return -1;
      i++;

      if (bound !== undefined && isName(text, nameStart, nameEnd, bound)) {
        if (this.boundStart >= 0) return -1;
        this.boundStart = nameStart;
        this.boundEnd = i;
        this.boundValue = valueStart;
        places.bound = labels;
      } else {
        // "__name__" is reserved; names with an underscore first are rare enough to look closer elsewhere.
        if (text[nameStart] === UNDERSCORE && text[nameStart + 1] === UNDERSCORE) return -1;
        if (!isBefore(text, previousStart, previousEnd, nameStart, nameEnd)) return -1;
        previousStart = nameStart;
        previousEnd = nameEnd;
      }
      places.start[labels] = nameStart;
      places.valueStart[labels] = valueStart;

      if (text[i] === CLOSE) {
        places.finish(labels + 1, i, bound, isEscaped);
        break;
      }
      if (text[i] !== COMMA) return -1;
      i++;
    }
    this.labelsStart = start;
    this.labelsEnd = i;
    return i + 1;
  }

  #takePlaces(start: number, end: number): void {
    this.labelsStart = start;
    this.labelsEnd = end;
    const { places } = this;
    const { bound } = places;
    if (bound < 0) return;
    this.boundStart = places.start[bound];
    this.boundValue = places.valueStart[bound];
    this.boundEnd = bound + 1 < places.count ? places.start[bound + 1] - 1 : end;
  }

  #scanValue(text: Buffer, start: number): boolean {
    let i = start;
    if (text[i] === MINUS) i++;
    const digitsStart = i;
    let byte = text[i];
    while (byte >= ZERO && byte <= NINE) byte = text[++i];
    const hasDigits = i > digitsStart;
    if (byte === DOT && hasDigits) {
      byte = text[++i];
      while (byte >= ZERO && byte <= NINE) byte = text[++i];
    }
    if (byte !== NEWLINE || !hasDigits || i - digitsStart > SAFE_DIGITS) {
      i = numberEnd(text, start, text.length);
      if (i < 0 || text[i] !== NEWLINE) return false;
    }
    this.valueStart = start;
    this.valueEnd = i;
    return true;
  }
}

function isName(text: Buffer, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (text[start + i] !== name[i]) return false;
  }
  return true;
}

/** Whether the name at `a` comes strictly before the one at `b`; no name comes before all of them. */
function isBefore(text: Buffer, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  let a = aStart;
  let b = bStart;
  while (a < aEnd && b < bEnd) {
    const difference = text[a++] - text[b++];
    if (difference !== 0) return difference < 0;
  }
  return a === aEnd && b < bEnd;
}
