import type { RejectReason, TimestampPolicy } from '../messages.ts';
import {
  BACKSLASH,
  CLOSE,
  COMMA,
  EQUALS,
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
import { isInt64, numberEnd } from './numbers.ts';
import type { Scratch } from './scratch.ts';

export const MAX_LABELS = 1000;

/** Up to here insertion sort is the fastest; beyond it, it would be quadratic. */
const SMALL = 16;

const RESERVED_NAME = Buffer.from('__name__');

/**
 * A sample line of the text format, wherever its blanks stand and whatever the order of its labels. All properties
 * are offsets into the text that was scanned last; label i is `name[labelStart[i], labelEnd[i])` with the escaped
 * value between the quotes at `quoteStart[i]` and `quoteEnd[i]`.
 */
export class SampleLine {
  nameStart = 0;
  nameEnd = 0;
  labels = 0;
  readonly labelStart = new Int32Array(MAX_LABELS);
  readonly labelEnd = new Int32Array(MAX_LABELS);
  readonly quoteStart = new Int32Array(MAX_LABELS);
  readonly quoteEnd = new Int32Array(MAX_LABELS);
  valueStart = 0;
  valueEnd = 0;
  /** Of the timestamp that is to be stored; equal if there is none. */
  timestampStart = 0;
  timestampEnd = 0;
  /** What is wrong, as a sentence without its end, and where; set when one of the scans has returned false. */
  problem = '';
  problemAt = 0;
  reason: RejectReason = 'syntax';

  /** The labels in order of their names. */
  readonly #order = new Int32Array(MAX_LABELS);
  #text: Buffer = Buffer.alloc(0);
  #afterName = 0;
  #afterLabels = 0;
  readonly #compare = (a: number, b: number): number => this.#compareNames(a, b);

  /** Reads the metric name. */
  scanName(text: Buffer, start: number, end: number): boolean {
    this.#text = text;
    this.nameStart = skipBlanks(text, start, end);
    let i = this.nameStart;
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
    const text = this.#text;
    let i = this.#afterName;
    this.labels = 0;
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
    return this.#sort();
  }

  /** Reads value and timestamp, after the labels, and expects the line to end there. */
  scanValue(end: number, timestamps: TimestampPolicy): boolean {
    const text = this.#text;
    this.valueStart = this.#afterLabels;
    this.valueEnd = numberEnd(text, this.valueStart, end);
    if (this.valueEnd < 0 || (this.valueEnd < end && !isBlank(text[this.valueEnd]))) {
      return this.#fail('Expected a number as value', this.valueStart);
    }
    this.timestampStart = skipBlanks(text, this.valueEnd, end);
    this.timestampEnd = this.timestampStart;
    if (this.timestampStart === end) return true;

    while (this.timestampEnd < end && !isBlank(text[this.timestampEnd])) this.timestampEnd++;
    if (!isInt64(text, this.timestampStart, this.timestampEnd)) {
      return this.#fail('Expected a timestamp in whole milliseconds after the value', this.timestampStart);
    }
    const rest = skipBlanks(text, this.timestampEnd, end);
    if (rest < end) return this.#fail('Expected the line to end after the timestamp', rest);
    return this.#applyPolicy(timestamps);
  }

  /** The index of the label of this name, or -1. */
  indexOf(name: Uint8Array): number {
    for (let i = 0; i < this.labels; i++) {
      if (this.#isNamed(i, name)) return i;
    }
    return -1;
  }

  /**
   * Appends the canonical form of the labels, which is what identity is made of: in order of their names, without
   * blanks, without empty ones (to Prometheus these are as good as absent).
   *
   * @param except the index of a label to leave out, or -1
   */
  writeLabels(to: Scratch, except: number): void {
    const text = this.#text;
    const start = to.length;
    if (this.labels > 0) to.reserve(this.quoteEnd[this.labels - 1] - this.labelStart[0] + this.labels + 2);
    for (let n = 0; n < this.labels; n++) {
      const i = this.#order[n];
      if (i === except || this.quoteStart[i] + 1 === this.quoteEnd[i]) continue;
      if (to.length > start) to.byte(COMMA);
      to.copy(text, this.labelStart[i], this.labelEnd[i]);
      to.byte(EQUALS);
      to.copy(text, this.quoteStart[i], this.quoteEnd[i] + 1);
    }
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

  /** @returns where to go on, or -1 */
  #scanLabel(start: number, end: number): number {
    const text = this.#text;
    const n = this.labels;
    if (n === MAX_LABELS) return this.fail(`Expected at most ${MAX_LABELS} labels`, start, 'limit');
    let i = start;
    if (i >= end || LABEL_NAME_START[text[i]] === 0) return this.fail('Expected a label name', i);
    while (i < end && LABEL_NAME[text[i]] === 1) i++;
    this.labelStart[n] = start;
    this.labelEnd[n] = i;
    if (this.#isNamed(n, RESERVED_NAME))
      return this.fail('Expected no label __name__, which is reserved', start);

    i = skipBlanks(text, i, end);
    if (i >= end || text[i] !== EQUALS) return this.fail('Expected "=" after a label name', i);
    i = skipBlanks(text, i + 1, end);
    if (i >= end || text[i] !== QUOTE) return this.fail('Expected a label value in quotes', i);

    this.quoteStart[n] = i++;
    for (;;) {
      while (i < end && LABEL_VALUE[text[i]] === 1) i++;
      if (i >= end) return this.fail('Expected a label value to end on its line', this.quoteStart[n]);
      if (text[i] === QUOTE) break;
      const escaped = text[i + 1];
      if (i + 1 >= end || (escaped !== BACKSLASH && escaped !== QUOTE && escaped !== LOWER_N)) {
        return this.fail('Expected no escape but \\\\, \\" and \\n in a label value', i);
      }
      i += 2;
    }
    this.quoteEnd[n] = i;
    this.labels = n + 1;
    return skipBlanks(text, i + 1, end);
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
    const lengthA = this.labelEnd[a] - this.labelStart[a];
    const lengthB = this.labelEnd[b] - this.labelStart[b];
    const shorter = Math.min(lengthA, lengthB);
    for (let i = 0; i < shorter; i++) {
      const difference = text[this.labelStart[a] + i] - text[this.labelStart[b] + i];
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
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
