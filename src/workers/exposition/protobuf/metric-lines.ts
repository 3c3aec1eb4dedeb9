import { MIB } from '../../../units.ts';
import { BLANK, CLOSE, COMMA, OPEN } from '../character-classes.ts';
import type { ConvertedText } from '../converted.ts';
import { formatValue } from '../format-value.ts';
import { formatBound } from '../numbers.ts';
import { MAX_EXEMPLAR_CHARACTERS } from '../openmetrics/exemplar-text.ts';
import { Scratch } from '../scratch.ts';
import { formatTimestamp } from '../seconds.ts';
import { type ExemplarFields, readExemplar } from './exemplar-fields.ts';
import type { FamilyFields } from './family-fields.ts';
import { writeLabel } from './label-text.ts';
import type { MetricFields, Range } from './metric-fields.ts';
import { WireError, type WireReader } from './wire-reader.ts';

/*
 * Each bucket repeats the labels in text, so a body may grow without bound. Those of clients grow to ten times their
 * size; small ones may do as they like.
 */
const MAX_GROWTH = 12;
const FREE_BYTES = 32 * MIB;

const INVALID_EXEMPLAR = 'has an exemplar with invalid UTF-8';

/** Writes the lines of metrics, one at a time. */
export class MetricLines {
  readonly #out: ConvertedText;
  readonly #reader: WireReader;
  readonly #labels = new Scratch();
  readonly #maxBytes: number;
  #family: FamilyFields | undefined;
  #source = 0;
  #timestamp = '';

  constructor(out: ConvertedText, reader: WireReader) {
    this.#out = out;
    this.#reader = reader;
    this.#maxBytes = FREE_BYTES + reader.bytes.length * MAX_GROWTH;
  }

  /**
   * @param source the ordinal of the message
   * @returns what is wrong with the metric, to follow its name; then some of its lines may be there
   * @throws WireError
   */
  write(family: FamilyFields, metric: MetricFields, source: number): string | undefined {
    this.#family = family;
    this.#source = source;
    this.#timestamp = metric.timestampMs === '' ? '' : ` ${metric.timestampMs}`;
    this.#writeLabels(metric);
    if (family.kind === 'histogram') return this.#writeHistogram(metric);
    if (family.kind === 'summary') {
      for (const { bound, value } of metric.parts) this.#line('', value, 'quantile', formatBound(bound));
      this.#line('_sum', metric.sum);
      this.#series('_count', metric.count);
      this.#created(metric);
      this.#end();
      return undefined;
    }
    this.#series('', metric.value);
    this.#created(metric);
    const isExemplarValid = this.#exemplar(metric.exemplar);
    this.#end();
    return isExemplarValid ? undefined : INVALID_EXEMPLAR;
  }

  #writeHistogram(metric: MetricFields): string | undefined {
    let hasInfinity = false;
    for (const { bound, value, exemplar } of metric.parts) {
      if (Number.isNaN(bound)) return 'has a bucket without a bound';
      hasInfinity ||= bound === Infinity;
      this.#series('_bucket', value, 'le', formatBound(bound));
      if (!this.#exemplar(exemplar)) return INVALID_EXEMPLAR;
      this.#end();
    }
    if (!hasInfinity) this.#line('_bucket', metric.count, 'le', '+Inf');
    this.#line('_sum', metric.sum);
    this.#series('_count', metric.count);
    this.#created(metric);
    const { native } = metric;
    if (!native.isEmpty) this.#out.latin1(` #n ${native.bytes(this.#reader.bytes).toString('base64')}`);
    this.#end();
    return undefined;
  }

  #writeLabels(metric: MetricFields): void {
    const { bytes } = this.#reader;
    this.#labels.length = 0;
    for (let i = 0; i < metric.labels; i++) {
      const { labelStart, labelEnd, valueStart, valueEnd } = metric;
      writeLabel(this.#labels, i === 0, bytes, labelStart[i], labelEnd[i], bytes, valueStart[i], valueEnd[i]);
    }
  }

  #line(suffix: string, value: number, boundName?: string, bound?: string): void {
    this.#series(suffix, value, boundName, bound);
    this.#end();
  }

  /** The series, its value and timestamp. */
  #series(suffix: string, value: number, boundName?: string, bound?: string): void {
    const out = this.#out;
    const { isQuoted, head } = this.#family as FamilyFields;
    const labels = this.#labels;
    const hasLabels = labels.length > 0;
    const name = head(suffix);
    out.reserve(name.length + labels.length + 2);
    out.append(name);
    if (hasLabels) {
      out.byte(isQuoted ? COMMA : OPEN);
      out.copy(labels.bytes, 0, labels.length);
    }
    if (boundName !== undefined) out.latin1(`${hasLabels || isQuoted ? ',' : '{'}${boundName}="${bound}"`);
    out.reserve(2);
    if (isQuoted || hasLabels || boundName !== undefined) out.byte(CLOSE);
    out.byte(BLANK);
    out.latin1(formatValue(value));
    out.latin1(this.#timestamp);
  }

  #end(): void {
    this.#out.endLine(this.#source);
    if (this.#out.length > this.#maxBytes) {
      throw new WireError(`the body would be longer than ${this.#maxBytes} bytes as text`);
    }
  }

  /** A time before 1970 says nothing and is left out. */
  #created({ created }: MetricFields): void {
    const seconds = created && formatTimestamp(created.seconds, created.nanos);
    if (seconds !== undefined) this.#out.latin1(` #c ${seconds}`);
  }

  /** @returns false if it has invalid UTF-8 */
  #exemplar(range: Range | undefined): boolean {
    if (range === undefined) return true;
    const outer = this.#reader.enter(range.start, range.end);
    const exemplar = readExemplar(this.#reader);
    this.#reader.leave(outer);
    if (exemplar === undefined) return false;
    // What no format may show is left out: an exemplar is not worth refusing a sample for.
    if (!isShowable(exemplar)) return true;
    const out = this.#out;
    out.latin1(' # {');
    for (const [i, [name, value]] of exemplar.labels.entries()) {
      writeLabel(out, i === 0, name, 0, name.length, value, 0, value.length);
    }
    out.latin1(`} ${formatValue(exemplar.value)}`);
    const { timestamp } = exemplar;
    const seconds = timestamp && formatTimestamp(timestamp.seconds, timestamp.nanos);
    if (seconds !== undefined) out.latin1(` ${seconds}`);
    return true;
  }
}

function isShowable({ labels }: ExemplarFields): boolean {
  const names = new Set(labels.map(([name]) => name.toString()));
  if (names.size < labels.length || names.has('')) return false;
  const bytes = labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes <= MAX_EXEMPLAR_CHARACTERS) return true;
  // A character has four bytes at most.
  if (bytes > MAX_EXEMPLAR_CHARACTERS * 4) return false;
  return [...labels.flat().join('')].length <= MAX_EXEMPLAR_CHARACTERS;
}
