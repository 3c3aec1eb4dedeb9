import { FEATURE_EXTRAS, FEATURE_QUOTED_NAMES, FEATURE_TIMESTAMPS } from '../../redis/block.ts';
import type { RejectReason, TimestampPolicy } from '../messages.ts';
import {
  BACKSLASH,
  BLANK,
  CLOSE,
  COMMA,
  EQUALS,
  HASH,
  isBlank,
  LABEL_NAME,
  LABEL_NAME_START,
  LABEL_VALUE,
  LOWER_N,
  METRIC_NAME,
  METRIC_NAME_START,
  MINUS,
  OPEN,
  PLUS,
  QUOTE,
  skipBlanks,
} from './character-classes.ts';
import { areExtras } from './extras.ts';
import { LineLabels, MAX_LABELS } from './line-labels.ts';
import { isMetricName, unescapeQuoted } from './names.ts';
import { isInt64, numberEnd } from './numbers.ts';
import type { Scratch } from './scratch.ts';

/**
 * A sample line of the text format, wherever its blanks stand and whatever the order of its labels. All properties
 * are offsets into the text that was scanned last. A name in quotes is without them, still escaped.
 */
export class SampleLine {
  /** Whether names may stand in quotes. */
  quotedNames = true;
  /** Whether there may be extras after value and timestamp. */
  extended = false;

  nameStart = 0;
  nameEnd = 0;
  /** The metric name needs its quotes. */
  nameQuoted = false;
  readonly labels = new LineLabels();
  valueStart = 0;
  valueEnd = 0;
  /** Of the timestamp that is to be stored; equal if there is none. */
  timestampStart = 0;
  timestampEnd = 0;
  /** Of all extras; equal if there are none. */
  extrasStart = 0;
  extrasEnd = 0;
  /** What is wrong, as a sentence without its end, and where; set when one of the scans has returned false. */
  problem = '';
  problemAt = 0;
  reason: RejectReason = 'syntax';

  #text: Buffer = Buffer.alloc(0);
  #afterName = 0;
  /** 0 as long as the labels have not been read. */
  #afterLabels = 0;

  /** Reads the metric name. */
  scanName(text: Buffer, start: number, end: number): boolean {
    this.#text = text;
    this.nameStart = skipBlanks(text, start, end);
    this.nameQuoted = false;
    this.labels.reset(text);
    this.#afterLabels = 0;
    let i = this.nameStart;
    if (i < end && text[i] === OPEN && this.quotedNames) return this.#scanNameInBraces(end);
    if (i >= end || METRIC_NAME_START[text[i]] === 0) return this.#fail('Expected a metric name', i);
    while (i < end && METRIC_NAME[text[i]] === 1) i++;
    this.nameEnd = i;
    // The reference takes "x-1" for the value -1 of x; it is far more likely to be a bad name.
    if (i < end && text[i] !== OPEN && !isBlank(text[i])) {
      return this.#fail('Expected a blank or "{" after the metric name', i);
    }
    this.#afterName = skipBlanks(text, i, end);
    return true;
  }

  /** Reads the labels, after the name, and brings them in order. */
  scanLabels(end: number): boolean {
    if (this.#afterLabels === 0 && !this.#scanBraces(this.#afterName, end)) return false;
    const repeated = this.labels.sort();
    if (repeated < 0) return true;
    return this.#fail('Expected every label name once', this.labels.nameStart[repeated]);
  }

  /** The metric name. */
  name(): string {
    return this.nameQuoted
      ? unescapeQuoted(this.#text, this.nameStart, this.nameEnd)
      : this.#text.toString('latin1', this.nameStart, this.nameEnd);
  }

  /** Reads value, timestamp and extras, after the labels, and expects the line to end there. */
  scanValue(end: number, timestamps: TimestampPolicy): boolean {
    const text = this.#text;
    this.valueStart = this.#afterLabels;
    this.valueEnd = numberEnd(text, this.valueStart, end);
    if (this.valueEnd < 0 || (this.valueEnd < end && !isBlank(text[this.valueEnd]))) {
      return this.#fail('Expected a number as value', this.valueStart);
    }
    const next = skipBlanks(text, this.valueEnd, end);
    this.timestampStart = next;
    this.timestampEnd = next;
    this.extrasStart = next;
    this.extrasEnd = next;
    if (next === end) return true;
    if (this.extended && text[next] === HASH) return this.#scanExtras(next, end);

    while (this.timestampEnd < end && !isBlank(text[this.timestampEnd])) this.timestampEnd++;
    if (!isInt64(text, this.timestampStart, this.timestampEnd)) {
      return this.#fail('Expected a timestamp in whole milliseconds after the value', this.timestampStart);
    }
    const rest = skipBlanks(text, this.timestampEnd, end);
    if (rest < end) {
      if (!this.extended || text[rest] !== HASH) {
        return this.#fail('Expected the line to end after the timestamp', rest);
      }
      if (!this.#scanExtras(rest, end)) return false;
    }
    return this.#applyPolicy(timestamps);
  }

  /** Appends the timestamp and the extras that are to be stored, each with the blank before it. */
  writeTail(to: Scratch): void {
    to.reserve(this.timestampEnd - this.timestampStart + this.extrasEnd - this.extrasStart + 2);
    if (this.timestampEnd > this.timestampStart) {
      to.byte(BLANK);
      to.copy(this.#text, this.timestampStart, this.timestampEnd);
    }
    if (this.extrasEnd > this.extrasStart) {
      to.byte(BLANK);
      to.copy(this.#text, this.extrasStart, this.extrasEnd);
    }
  }

  /** What the line, as it is to be stored, has that not every format can show. */
  features(): number {
    let features = this.nameQuoted || this.labels.anyQuoted() ? FEATURE_QUOTED_NAMES : 0;
    if (this.timestampEnd > this.timestampStart) features |= FEATURE_TIMESTAMPS;
    if (this.extrasEnd > this.extrasStart) features |= FEATURE_EXTRAS;
    return features;
  }

  #applyPolicy(timestamps: TimestampPolicy): boolean {
    const at = this.timestampStart;
    if (timestamps === 'strip') {
      this.timestampEnd = at;
      return true;
    }
    if (timestamps === 'reject') {
      return this.#fail('Expected no timestamp (--ingest.timestamps=reject)', at, 'timestamp');
    }
    // Prometheus reads digits only: it would discard the whole scrape for a sign.
    if (this.#text[at] === MINUS) return this.#fail('Expected no timestamp before 1970', at, 'timestamp');
    if (this.#text[at] === PLUS) this.timestampStart++;
    return true;
  }

  /** Notes what is wrong with the line. @returns -1 */
  fail(problem: string, at: number, reason: RejectReason = 'syntax'): -1 {
    this.problem = problem;
    this.problemAt = at;
    this.reason = reason;
    return -1;
  }

  /** Reads the braces with a name in quotes among the labels. */
  #scanNameInBraces(end: number): boolean {
    const open = this.nameStart;
    this.nameStart = -1;
    if (!this.#scanBraces(open, end)) return false;
    return this.nameStart >= 0 || this.#fail('Expected a metric name', open);
  }

  #scanBraces(open: number, end: number): boolean {
    const text = this.#text;
    let i = open;
    if (text[i] !== OPEN || i >= end) {
      this.#afterLabels = i;
      return true;
    }
    for (;;) {
      i = skipBlanks(text, i + 1, end);
      if (i < end && text[i] === CLOSE) break;
      i = this.#scanLabel(i, end);
      if (i < 0) return false;
      if (i < end && text[i] === CLOSE) break;
      if (i >= end || text[i] !== COMMA) return this.#fail('Expected "," or "}" after a label value', i);
    }
    this.#afterLabels = skipBlanks(text, i + 1, end);
    return true;
  }

  /** @returns where to go on, or -1 */
  #scanLabel(start: number, end: number): number {
    const text = this.#text;
    if (this.labels.count === MAX_LABELS) {
      return this.fail(`Expected at most ${MAX_LABELS} labels`, start, 'limit');
    }
    let i = start;
    if (i < end && text[i] === QUOTE && this.quotedNames) {
      i = this.#scanQuoted(start, end, 'quoted name');
      if (i < 0) return i;
      const next = skipBlanks(text, i, end);
      if (this.nameStart < 0 && next < end && (text[next] === COMMA || text[next] === CLOSE)) {
        return this.#takeName(start, i, next);
      }
      if (i === start + 2) return this.fail('Expected a label name', start);
      this.labels.beginQuoted(start + 1, i - 1);
    } else {
      if (i >= end || LABEL_NAME_START[text[i]] === 0) return this.fail('Expected a label name', i);
      while (i < end && LABEL_NAME[text[i]] === 1) i++;
      this.labels.begin(start, i);
    }
    if (this.labels.isReserved()) return this.fail('Expected no label __name__, which is reserved', start);

    i = skipBlanks(text, i, end);
    if (i >= end || text[i] !== EQUALS) return this.fail('Expected "=" after a label name', i);
    i = skipBlanks(text, i + 1, end);
    if (i >= end || text[i] !== QUOTE) return this.fail('Expected a label value in quotes', i);
    const open = i;
    i = this.#scanQuoted(open, end, 'label value');
    if (i < 0) return i;
    this.labels.finish(open, i - 1);
    return skipBlanks(text, i, end);
  }

  /** Takes what stands in the quotes at `open` for the metric name. @returns where to go on, or -1 */
  #takeName(open: number, close: number, next: number): number {
    if (close === open + 2) return this.fail('Expected a metric name', open);
    this.nameStart = open + 1;
    this.nameEnd = close - 1;
    this.nameQuoted = !isMetricName(this.#text, this.nameStart, this.nameEnd);
    return next;
  }

  /** @returns where to go on after the closing quote, or -1 */
  #scanQuoted(open: number, end: number, what: 'quoted name' | 'label value'): number {
    const text = this.#text;
    let i = open + 1;
    for (;;) {
      while (i < end && LABEL_VALUE[text[i]] === 1) i++;
      if (i >= end) return this.fail(`Expected a ${what} to end on its line`, open);
      if (text[i] === QUOTE) return i + 1;
      const escaped = text[i + 1];
      if (i + 1 >= end || (escaped !== BACKSLASH && escaped !== QUOTE && escaped !== LOWER_N)) {
        return this.fail(`Expected no escape but \\\\, \\" and \\n in a ${what}`, i);
      }
      i += 2;
    }
  }

  #scanExtras(start: number, end: number): boolean {
    let last = end;
    while (isBlank(this.#text[last - 1])) last--;
    if (!areExtras(this.#text, start, last)) return this.#fail('Expected extras in their form', start);
    this.extrasStart = start;
    this.extrasEnd = last;
    return true;
  }

  #fail(problem: string, at: number, reason?: RejectReason): false {
    this.fail(problem, at, reason);
    return false;
  }
}
