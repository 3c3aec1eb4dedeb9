import {
  BACKSLASH,
  BLANK,
  CLOSE,
  COMMA,
  EQUALS,
  HASH,
  LABEL_NAME,
  LABEL_NAME_START,
  LABEL_VALUE,
  METRIC_NAME,
  METRIC_NAME_START,
  NEWLINE,
  OPEN,
  QUOTE,
} from '../character-classes.ts';
import { MAX_LABELS } from '../line-labels.ts';
import { numberEnd, parseNumber } from '../numbers.ts';

/** A sample's labels and its exemplar's share the arrays. */
const MAX_ALL_LABELS = MAX_LABELS * 2;

/**
 * A sample line of OpenMetrics: one blank between its parts and none elsewhere. Everything is an offset into the text
 * that was scanned last. Label i has its name at `labelStart[i], labelEnd[i]` and its value, still escaped, at
 * `valueStart[i], valueEnd[i]`, both without quotes.
 */
export class OpenMetricsSample {
  nameStart = 0;
  nameEnd = 0;
  /** Whether the metric name stands in quotes in the braces. */
  isNameQuoted = false;
  labels = 0;
  readonly labelStart = new Int32Array(MAX_ALL_LABELS);
  readonly labelEnd = new Int32Array(MAX_ALL_LABELS);
  readonly isLabelQuoted = new Uint8Array(MAX_ALL_LABELS);
  readonly valueStart = new Int32Array(MAX_ALL_LABELS);
  readonly valueEnd = new Int32Array(MAX_ALL_LABELS);
  numberStart = 0;
  numberEnd = 0;
  /** Equal if there is none. */
  timestampStart = 0;
  timestampEnd = 0;
  /** Whether no name is in quotes and nothing is escaped. */
  isPlain = true;
  hasExemplar = false;
  /** The exemplar's labels are those from `labels` to here. */
  exemplarLabels = 0;
  exemplarNumberStart = 0;
  exemplarNumberEnd = 0;
  exemplarTimestampStart = 0;
  exemplarTimestampEnd = 0;
  /** What is wrong, as a sentence without its end, and where; set when a scan has returned false. */
  problem = '';
  problemAt = 0;

  #text: Buffer = Buffer.alloc(0);
  #at = 0;
  #count = 0;
  #limit = MAX_LABELS;

  scan(text: Buffer, start: number, end: number): boolean {
    this.#text = text;
    this.#at = start;
    this.#count = 0;
    this.#limit = MAX_LABELS;
    this.labels = 0;
    this.hasExemplar = false;
    this.isPlain = true;
    if (!this.#scanName(end) || !this.#scanNumber(end)) return false;
    this.numberStart = this.#foundStart;
    this.numberEnd = this.#at;
    if (!this.#scanTimestamp(end)) return false;
    this.timestampStart = this.#foundStart;
    this.timestampEnd = this.#foundEnd;
    return this.#at === end || this.#scanExemplar(end);
  }

  fail(problem: string, at: number): false {
    this.problem = problem;
    this.problemAt = at;
    return false;
  }

  #foundStart = 0;
  #foundEnd = 0;

  #scanName(end: number): boolean {
    const text = this.#text;
    let i = this.#at;
    this.isNameQuoted = text[i] === OPEN && i < end;
    if (this.isNameQuoted) {
      this.nameStart = i + 2;
      this.nameEnd = text[i + 1] === QUOTE ? this.#scanQuoted(i + 2, end) : -1;
      if (this.nameEnd <= this.nameStart || text[this.nameEnd + 1] === EQUALS) {
        return this.fail('Expected a metric name', i);
      }
      i = this.nameEnd + 1;
      if (text[i] !== COMMA && text[i] !== CLOSE) return this.fail('Expected "," or "}"', i);
      const hasLabels = text[i] === COMMA;
      this.#at = i + 1;
      if (hasLabels && !this.#scanLabels(end)) return false;
    } else {
      if (METRIC_NAME_START[text[i]] === 0) return this.fail('Expected a metric name', i);
      this.nameStart = i;
      do i++;
      while (METRIC_NAME[text[i]] === 1 && i < end);
      this.nameEnd = i;
      this.#at = i;
      if (text[i] === OPEN && i < end) {
        this.#at = i + 1;
        if (text[i + 1] === CLOSE) this.#at = i + 2;
        else if (!this.#scanLabels(end)) return false;
      }
    }
    this.labels = this.#count;
    this.#limit = MAX_ALL_LABELS;
    return true;
  }

  /** From the first label to the closing brace. */
  #scanLabels(end: number): boolean {
    const text = this.#text;
    let i = this.#at;
    for (;;) {
      if (this.#count === this.#limit) return this.fail(`Expected at most ${MAX_LABELS} labels`, i);
      const label = this.#count++;
      const quoted = text[i] === QUOTE && i < end;
      let nameEnd = i;
      if (quoted) {
        this.isPlain = false;
        i++;
        nameEnd = this.#scanQuoted(i, end);
      } else if (LABEL_NAME_START[text[i]] === 1) {
        do nameEnd++;
        while (LABEL_NAME[text[nameEnd]] === 1 && nameEnd < end);
      }
      if (nameEnd <= i) return this.fail('Expected a label name', i);
      this.isLabelQuoted[label] = quoted ? 1 : 0;
      this.labelStart[label] = i;
      this.labelEnd[label] = nameEnd;
      i = quoted ? nameEnd + 1 : nameEnd;
      if (text[i] !== EQUALS || text[i + 1] !== QUOTE) return this.fail('Expected =" after a label name', i);
      this.valueStart[label] = i + 2;
      const valueEnd = this.#scanQuoted(i + 2, end);
      if (valueEnd < 0) return this.fail('Expected a quote after the label value', end);
      this.valueEnd[label] = valueEnd;
      i = valueEnd + 1;
      if (text[i] === CLOSE && i < end) break;
      if (text[i] !== COMMA || i >= end) return this.fail('Expected "," or "}"', i);
      i++;
    }
    this.#at = i + 1;
    return true;
  }

  /** @returns the offset of the closing quote, or -1 */
  #scanQuoted(start: number, end: number): number {
    const text = this.#text;
    let i = start;
    while (LABEL_VALUE[text[i]] === 1) i++;
    if (text[i] === BACKSLASH) this.isPlain = false;
    while (text[i] === BACKSLASH && i + 1 < end && text[i + 1] !== NEWLINE) {
      i += 2;
      while (LABEL_VALUE[text[i]] === 1) i++;
    }
    return i < end && text[i] === QUOTE ? i : -1;
  }

  #scanNumber(end: number): boolean {
    const text = this.#text;
    const start = this.#at + 1;
    if (text[this.#at] !== BLANK || this.#at >= end)
      return this.fail('Expected a blank and a value', this.#at);
    const found = numberEnd(text, start, end);
    if (found < 0 || (found < end && text[found] !== BLANK))
      return this.fail('Expected a number as value', start);
    this.#foundStart = start;
    this.#at = found;
    return true;
  }

  #scanTimestamp(end: number): boolean {
    const text = this.#text;
    this.#foundStart = this.#at;
    this.#foundEnd = this.#at;
    if (this.#at === end || (text[this.#at + 1] === HASH && this.#at + 1 < end)) return true;
    const start = this.#at + 1;
    const found = numberEnd(text, start, end);
    const isTime = found > 0 && (found === end || text[found] === BLANK);
    if (!isTime || !Number.isFinite(parseNumber(text.toString('latin1', start, found)))) {
      return this.fail('Expected a number of seconds as timestamp', start);
    }
    this.#foundStart = start;
    this.#foundEnd = found;
    this.#at = found;
    return true;
  }

  /** ` # {labels} value [timestamp]` */
  #scanExemplar(end: number): boolean {
    const text = this.#text;
    const at = this.#at;
    const isStart =
      text[at] === BLANK &&
      text[at + 1] === HASH &&
      text[at + 2] === BLANK &&
      text[at + 3] === OPEN &&
      at + 4 < end;
    if (!isStart) return this.fail('Expected an exemplar or the end of the line', at);
    this.#at = at + 4;
    if (text[this.#at] === CLOSE) this.#at++;
    else if (!this.#scanLabels(end)) return false;
    this.hasExemplar = true;
    this.exemplarLabels = this.#count;
    if (!this.#scanNumber(end)) return false;
    this.exemplarNumberStart = this.#foundStart;
    this.exemplarNumberEnd = this.#at;
    if (!this.#scanTimestamp(end)) return false;
    this.exemplarTimestampStart = this.#foundStart;
    this.exemplarTimestampEnd = this.#foundEnd;
    return this.#at === end || this.fail('Expected the end of the line', this.#at);
  }
}
