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
  UNDERSCORE,
} from './character-classes.ts';
import { areExtras } from './extras.ts';
import { compareNames, isLabelName, isMetricName, unescapeQuoted } from './names.ts';
import { isInt64, numberEnd } from './numbers.ts';
import type { Scratch } from './scratch.ts';

export const MAX_LABELS = 1000;

/** Up to here insertion sort is the fastest; beyond it, it would be quadratic. */
const SMALL = 16;

const RESERVED_NAME = Buffer.from('__name__');

/**
 * A sample line of the text format, wherever its blanks stand and whatever the order of its labels. All properties
 * are offsets into the text that was scanned last; label i is `name[labelStart[i], labelEnd[i])` with the escaped
 * value between the quotes at `quoteStart[i]` and `quoteEnd[i]`. Names in quotes are without them, still escaped.
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
  labels = 0;
  readonly labelStart = new Int32Array(MAX_LABELS);
  readonly labelEnd = new Int32Array(MAX_LABELS);
  /** 1 if the label's name needs its quotes. */
  readonly labelQuoted = new Uint8Array(MAX_LABELS);
  readonly quoteStart = new Int32Array(MAX_LABELS);
  readonly quoteEnd = new Int32Array(MAX_LABELS);
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

  /** The labels in order of their names. */
  readonly #order = new Int32Array(MAX_LABELS);
  #text: Buffer = Buffer.alloc(0);
  #afterName = 0;
  /** 0 as long as the labels have not been read. */
  #afterLabels = 0;
  readonly #compare = (a: number, b: number): number => this.#compareNames(a, b);

  /** Reads the metric name. */
  scanName(text: Buffer, start: number, end: number): boolean {
    this.#text = text;
    this.nameStart = skipBlanks(text, start, end);
    this.nameQuoted = false;
    this.labels = 0;
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
    return this.#sort();
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

  /** The index of the label of this name, or -1. */
  indexOf(name: Uint8Array): number {
    for (let i = 0; i < this.labels; i++) {
      if (this.#isNamed(i, name)) return i;
    }
    return -1;
  }

  /** The index of a label whose name begins with `__`, or -1. */
  reservedLabel(): number {
    for (let i = 0; i < this.labels; i++) {
      const start = this.labelStart[i];
      if (this.#text[start] === UNDERSCORE && this.#text[start + 1] === UNDERSCORE) {
        if (this.labelEnd[i] - start > 1) return i;
      }
    }
    return -1;
  }

  /** The name of a label. */
  labelName(label: number): string {
    return unescapeQuoted(this.#text, this.labelStart[label], this.labelEnd[label]);
  }

  /**
   * Appends the canonical form of the labels, which is what identity is made of: in order of their names, without
   * blanks.
   *
   * @param except the index of a label to leave out, or -1
   * @param keepEmpty whether empty ones stay; to Prometheus these are as good as absent
   */
  writeLabels(to: Scratch, except: number, keepEmpty = false): void {
    const text = this.#text;
    const start = to.length;
    if (this.labels > 0) to.reserve(this.quoteEnd[this.labels - 1] - this.labelStart[0] + this.labels + 2);
    for (let n = 0; n < this.labels; n++) {
      const i = this.#order[n];
      if (i === except || (!keepEmpty && this.quoteStart[i] + 1 === this.quoteEnd[i])) continue;
      if (to.length > start) to.byte(COMMA);
      if (this.labelQuoted[i] === 1) to.byte(QUOTE);
      to.copy(text, this.labelStart[i], this.labelEnd[i]);
      if (this.labelQuoted[i] === 1) to.byte(QUOTE);
      to.byte(EQUALS);
      to.copy(text, this.quoteStart[i], this.quoteEnd[i] + 1);
    }
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
    let features = this.nameQuoted ? FEATURE_QUOTED_NAMES : 0;
    for (let i = 0; i < this.labels; i++) if (this.labelQuoted[i] === 1) features |= FEATURE_QUOTED_NAMES;
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
    const n = this.labels;
    if (n === MAX_LABELS) return this.fail(`Expected at most ${MAX_LABELS} labels`, start, 'limit');
    let i = start;
    if (i < end && text[i] === QUOTE && this.quotedNames) {
      i = this.#scanQuoted(start, end, 'quoted name');
      if (i < 0) return i;
      const next = skipBlanks(text, i, end);
      if (this.nameStart < 0 && next < end && (text[next] === COMMA || text[next] === CLOSE)) {
        return this.#takeName(start, i, next);
      }
      this.labelStart[n] = start + 1;
      this.labelEnd[n] = i - 1;
      this.labelQuoted[n] = isLabelName(text, start + 1, i - 1) ? 0 : 1;
      if (i === start + 2) return this.fail('Expected a label name', start);
    } else {
      if (i >= end || LABEL_NAME_START[text[i]] === 0) return this.fail('Expected a label name', i);
      while (i < end && LABEL_NAME[text[i]] === 1) i++;
      this.labelStart[n] = start;
      this.labelEnd[n] = i;
      this.labelQuoted[n] = 0;
    }
    if (this.#isNamed(n, RESERVED_NAME))
      return this.fail('Expected no label __name__, which is reserved', start);

    i = skipBlanks(text, i, end);
    if (i >= end || text[i] !== EQUALS) return this.fail('Expected "=" after a label name', i);
    i = skipBlanks(text, i + 1, end);
    if (i >= end || text[i] !== QUOTE) return this.fail('Expected a label value in quotes', i);
    this.quoteStart[n] = i;
    i = this.#scanQuoted(i, end, 'label value');
    if (i < 0) return i;
    this.quoteEnd[n] = i - 1;
    this.labels = n + 1;
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

  #sort(): boolean {
    const n = this.labels;
    const order = this.#order;
    for (let i = 0; i < n; i++) order[i] = i;
    if (n > SMALL) {
      order.subarray(0, n).sort(this.#compare);
    } else {
      for (let i = 1; i < n; i++) {
        const label = order[i];
        let to = i;
        for (; to > 0 && this.#compareNames(order[to - 1], label) > 0; to--) order[to] = order[to - 1];
        order[to] = label;
      }
    }
    for (let i = 1; i < n; i++) {
      if (this.#compareNames(order[i - 1], order[i]) === 0) {
        return this.#fail('Expected every label name once', this.labelStart[order[i]]);
      }
    }
    return true;
  }

  #compareNames(a: number, b: number): number {
    const text = this.#text;
    const startA = this.labelStart[a];
    const startB = this.labelStart[b];
    const endA = this.labelEnd[a];
    const endB = this.labelEnd[b];
    // Hardly ever; the loop below is in the way of every line that has to be put in order.
    if ((this.labelQuoted[a] | this.labelQuoted[b]) === 1) {
      return compareNames(text, startA, endA, text, startB, endB);
    }
    const shorter = Math.min(endA - startA, endB - startB);
    for (let i = 0; i < shorter; i++) {
      const difference = text[startA + i] - text[startB + i];
      if (difference !== 0) return difference;
    }
    return endA - startA - (endB - startB);
  }

  #isNamed(label: number, name: Uint8Array): boolean {
    const start = this.labelStart[label];
    if (this.labelEnd[label] - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      if (this.#text[start + i] !== name[i]) return false;
    }
    return true;
  }

  #fail(problem: string, at: number, reason?: RejectReason): false {
    this.fail(problem, at, reason);
    return false;
  }
}
