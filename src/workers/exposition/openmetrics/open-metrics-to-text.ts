import { isUtf8 } from 'node:buffer';
import { BLANK, CLOSE, COMMA, HASH, NEWLINE, OPEN } from '../character-classes.ts';
import { type Converted, ConvertedText, Problems } from '../converted.ts';
import { parseNumber } from '../numbers.ts';
import { excerpt } from '../rejections.ts';
import { toMilliseconds } from '../seconds.ts';
import { isValidUtf8 } from '../utf8.ts';
import { exemplarProblem, plainSeconds, writeExemplar } from './exemplar-text.ts';
import { FamilyState, type SampleName } from './family-state.ts';
import { LabelText, writeLabel } from './label-text.ts';
import { MetadataLine } from './metadata-line.ts';
import { MetricState } from './metric-state.ts';
import { hasManySamples, isOpenMetricsType, type SampleRole } from './metric-types.ts';
import { normalizeEscapes } from './name-text.ts';
import { boundLabelOf, boundOf, labelIndex, sampleValue, valueProblem } from './sample-check.ts';
import { OpenMetricsSample } from './sample-line.ts';

export interface OpenMetricsOptions {
  /** Stop at the first problem. */
  readonly strict: boolean;
  /** The body ends here, so that `# EOF` has to be its last line. Default: true. */
  readonly last?: boolean;
}

const NO_EOF = 'Expected # EOF as the last line.';

/**
 * Converts OpenMetrics 1.0 to extended text. What the specification forbids is refused: all of the body in strict mode,
 * otherwise the lines that it concerns, or the whole metric if that is what does not fit together.
 */
export function openMetricsToText(body: Buffer, options: OpenMetricsOptions): Converted {
  return new Conversion(body, options).run();
}

class Conversion {
  readonly #body: Buffer;
  readonly #strict: boolean;
  readonly #last: boolean;
  readonly #out = new ConvertedText();
  readonly #problems = new Problems();
  readonly #metadata = new MetadataLine();
  readonly #sample = new OpenMetricsSample();
  readonly #metric = new MetricState();
  /** Names that families of the body have taken, with all suffixes of their types. */
  readonly #taken = new Set<string>();
  #labels = new LabelText();
  /** Of the metric that is being read; not of one if it is undefined. */
  #metricLabels: LabelText | undefined;
  #spareLabels = new LabelText();
  #family: FamilyState | undefined;
  #line = 0;
  #ended = false;
  /** The sample name of the line before, and what it is. */
  #nameStart = 0;
  #nameEnd = 0;
  #name: SampleName | undefined;

  constructor(body: Buffer, { strict, last = true }: OpenMetricsOptions) {
    this.#body = body;
    this.#strict = strict;
    this.#last = last;
  }

  run(): Converted {
    this.#out.reserve(this.#body.length);
    this.#readLines();
    if (!this.#isOver()) this.#closeFamily();
    let unended = false;
    if (!this.#isOver() && this.#last && !this.#ended) {
      this.#problems.add(Math.max(this.#line, 1), () => NO_EOF, 0);
      unended = true;
    }
    const { errors, rejected } = this.#problems;
    const [first] = errors;
    const message = `OpenMetrics parsing error in line ${first?.line}: ${first?.message}`;
    const failed = this.#strict && first !== undefined;
    return {
      text: this.#out.bytes.subarray(0, failed ? 0 : this.#out.length),
      errors: failed ? [{ line: first.line, message }] : errors,
      rejected,
      lines: this.#out.lines,
      sourceLines: this.#line,
      ...((failed || unended) && { problem: { kind: 'syntax', message: failed ? message : NO_EOF } }),
    };
  }

  #readLines(): void {
    const body = this.#body;
    const valid = isUtf8(body);
    let at = 0;
    while (at < body.length && !this.#isOver()) {
      const newline = body.indexOf(NEWLINE, at);
      const end = newline < 0 ? body.length : newline;
      this.#line++;
      if (this.#ended) this.#refuse('Expected nothing after # EOF', at, end);
      else if (end === at) this.#refuse('Expected no empty line', at, end);
      else if (!valid && !isValidUtf8(body, at, end)) this.#refuse('Expected valid UTF-8', at, end);
      else if (body[at] === HASH) this.#takeMetadata(at, end);
      else if (newline < 0) this.#refuse('Expected a newline at the end', end, end);
      else this.#takeSample(at, end);
      at = end + 1;
    }
  }

  #isOver(): boolean {
    return this.#strict && this.#problems.errors.length > 0;
  }

  #refuse(problem: string, at: number, end: number): void {
    this.#problems.add(this.#line, () => `${problem}, found ${excerpt(this.#body, at, end)}.`);
  }

  #takeMetadata(start: number, end: number): void {
    const metadata = this.#metadata;
    if (!metadata.scan(this.#body, start, end)) {
      this.#refuse(metadata.problem, metadata.problemAt, end);
      return;
    }
    if (metadata.keyword === 'EOF') {
      this.#ended = true;
      return;
    }
    if (this.#family?.name !== metadata.name) {
      this.#openFamily(metadata.name);
      if (this.#isOver()) return;
    }
    const family = this.#family as FamilyState;
    if (this.#taken.has(family.name) && !family.hasBegun) {
      family.refusal = 'Expected the lines of a family together, and no name twice';
    }
    const text = this.#body.toString('latin1', metadata.textStart, metadata.textEnd);
    const problem = family.refusal ?? this.#metadataProblem(family, text);
    if (problem !== undefined) this.#refuse(problem, start, end);
  }

  #metadataProblem(family: FamilyState, text: string): string | undefined {
    const { keyword } = this.#metadata;
    if (family.hasBegun) return `Expected ${keyword} before the samples`;
    if (keyword === 'HELP') {
      if (family.help !== undefined) return 'Expected one HELP for a family';
      family.help = text;
      family.helpLine = this.#line;
    } else if (keyword === 'TYPE') {
      if (family.type !== undefined) return 'Expected one TYPE for a family';
      if (!isOpenMetricsType(text)) return 'Expected a type of OpenMetrics';
      family.type = text;
      family.typeLine = this.#line;
      family.typeChanged();
      if (family.unitProblem() !== undefined) {
        family.unit = undefined;
        return `Expected no UNIT for the type ${text}`;
      }
    } else {
      if (family.unit !== undefined) return 'Expected one UNIT for a family';
      family.unit = text;
      family.unitLine = this.#line;
      const problem = family.unitProblem();
      if (problem !== undefined) family.unit = undefined;
      return problem;
    }
    return undefined;
  }

  #openFamily(name: string): void {
    this.#closeFamily();
    this.#family = new FamilyState(name);
    this.#name = undefined;
  }

  #closeFamily(): void {
    const family = this.#family;
    if (family === undefined) return;
    this.#closeMetric();
    if (!family.hasBegun && family.refusal === undefined && !this.#isOver()) {
      this.#beginFamily(family);
      // Otherwise its samples are refused.
      if (family.refusal !== undefined) this.#problems.add(family.lastLine, () => `${family.refusal}.`);
    }
    this.#family = undefined;
  }

  /** Before its first sample, when its type is known: takes its names. */
  #beginFamily(family: FamilyState): void {
    if (family.hasBegun) return;
    family.hasBegun = true;
    const names = new Set(family.names());
    for (const name of names) {
      if (this.#taken.has(name)) family.refusal ??= `Expected no name twice, and there is another ${name}`;
    }
    if (family.refusal !== undefined) return;
    for (const name of names) this.#taken.add(name);
    family.writeMetadata(this.#out);
  }

  #takeSample(start: number, end: number): void {
    const sample = this.#sample;
    if (!sample.scan(this.#body, start, end)) {
      this.#refuse(sample.problem, sample.problemAt, end);
      return;
    }
    const name = this.#resolve();
    if (this.#isOver()) return;
    const family = this.#family as FamilyState;
    this.#beginFamily(family);
    const problem = family.refusal ?? this.#sampleProblem(family, name);
    if (problem !== undefined) this.#refuse(problem, start, end);
  }

  /** What the sample is in the family that is being read, or in one that it begins. */
  #resolve(): SampleName {
    const { nameStart, nameEnd } = this.#sample;
    if (this.#name !== undefined && this.#isNameBefore(nameStart, nameEnd)) return this.#name;
    const name = normalizeEscapes(this.#body.toString('latin1', nameStart, nameEnd));
    let found = this.#family?.sample(name);
    if (found === undefined) {
      this.#openFamily(name);
      found = this.#family?.sample(name) as SampleName;
    }
    this.#name = found;
    this.#nameStart = nameStart;
    this.#nameEnd = nameEnd;
    return found;
  }

  #isNameBefore(nameStart: number, nameEnd: number): boolean {
    const body = this.#body;
    if (nameEnd - nameStart !== this.#nameEnd - this.#nameStart) return false;
    for (let i = nameStart, j = this.#nameStart; i < nameEnd; i++, j++) if (body[i] !== body[j]) return false;
    return true;
  }

  /** Takes the sample if nothing is wrong with it. @returns a sentence without its end if something is */
  #sampleProblem(family: FamilyState, { role, head }: SampleName): string | undefined {
    const body = this.#body;
    const sample = this.#sample;
    const type = family.effectiveType;
    const boundName = boundLabelOf(role);
    const boundLabel = boundName === undefined ? -1 : labelIndex(body, sample, boundName);
    const bound = boundLabel < 0 ? Number.NaN : boundOf(body, sample, boundLabel);
    if (role === 'bucket' && Number.isNaN(bound)) return 'Expected a label le with a number';
    if (role === 'quantile' && !(bound >= 0 && bound <= 1)) return 'Expected a label quantile from 0 to 1';
    if (type === 'stateset' && labelIndex(body, sample, Buffer.from(family.name, 'latin1')) < 0) {
      return 'Expected a label named as the family in a stateset';
    }
    if (this.#labels.render(body, sample, boundLabel) >= 0) return 'Expected each label once';

    const value = sampleValue(body, sample, type, role);
    const problem = valueProblem(type, role, value) ?? this.#exemplarProblem(role);
    if (problem !== undefined) return problem;
    let timestamp: number | undefined;
    let timestampText = '';
    if (sample.timestampEnd > sample.timestampStart) {
      timestamp = parseNumber(body.toString('latin1', sample.timestampStart, sample.timestampEnd));
      const ms = toMilliseconds(timestamp);
      if (ms === undefined) return 'Expected a timestamp within 285,000 years of 1970';
      timestampText = ` ${ms}`;
    }
    if (hasManySamples(type)) {
      const grouping = this.#enterMetric(family, role, timestamp) ?? this.#metric.take(role, value, bound);
      if (grouping !== undefined) return grouping;
    }
    if (role === 'created') return this.#takeCreated();
    this.#write(head, family.isQuoted, boundLabel);
    this.#out.latin1(timestampText);
    if (role === 'total' || role === 'count') this.#writeCreated();
    if (sample.hasExemplar) writeExemplar(this.#out, body, sample);
    this.#out.endLine(this.#line);
    this.#metric.samples++;
    return undefined;
  }

  #exemplarProblem(role: SampleRole): string | undefined {
    if (!this.#sample.hasExemplar) return undefined;
    if (role !== 'total' && role !== 'bucket') return 'Expected an exemplar only on a counter or a bucket';
    return exemplarProblem(this.#body, this.#sample);
  }

  /** Sees to it that the samples of a metric stand together and its points are in order of time. */
  #enterMetric(family: FamilyState, role: SampleRole, timestamp: number | undefined): string | undefined {
    const metric = this.#metric;
    const out = this.#out;
    if (this.#metricLabels?.equals(this.#labels)) {
      if (metric.samples === 0) metric.timestamp = timestamp;
      if (timestamp === metric.timestamp || role === 'created') return undefined;
      if (timestamp === undefined || metric.timestamp === undefined) {
        return 'Expected a timestamp on all samples of a metric or on none';
      }
      if (timestamp < metric.timestamp) return 'Expected the points of a metric in order of time';
      // A later point of the same metric takes the place of the one before.
      const problem = metric.problem(family.effectiveType);
      if (problem !== undefined) this.#refuseMetric(problem);
      out.truncate(metric.textStart, metric.textLine);
      metric.begin(out.length, out.lineCount, this.#line, timestamp);
      return undefined;
    }
    this.#closeMetric();
    const key = this.#labels.key();
    if (family.seen.has(key)) return 'Expected the samples of a metric together';
    family.seen.add(key);
    const labels = this.#labels;
    this.#labels = this.#spareLabels;
    this.#spareLabels = labels;
    this.#metricLabels = labels;
    metric.begin(out.length, out.lineCount, this.#line, timestamp);
    return undefined;
  }

  #closeMetric(): void {
    if (this.#metricLabels === undefined || this.#family === undefined) return;
    this.#metricLabels = undefined;
    const problem = this.#metric.problem(this.#family.effectiveType);
    if (problem !== undefined) this.#refuseMetric(problem);
  }

  #refuseMetric(problem: string): void {
    const { textStart, textLine, firstLine, samples } = this.#metric;
    this.#out.truncate(textStart, textLine);
    this.#problems.add(firstLine, () => problem, Math.max(samples, 1), 'incomplete_histogram');
  }

  #takeCreated(): string | undefined {
    const { numberStart, numberEnd } = this.#sample;
    const seconds = plainSeconds(this.#body.toString('latin1', numberStart, numberEnd));
    if (seconds === undefined) return 'Expected a number of seconds since 1970';
    const metric = this.#metric;
    metric.created = ` #c ${seconds}`;
    if (metric.createdAt >= 0) this.#out.insert(metric.createdAt, metric.created);
    return undefined;
  }

  #writeCreated(): void {
    this.#metric.createdAt = this.#out.length;
    this.#out.latin1(this.#metric.created);
  }

  /** The series and its value. */
  #write(head: Buffer, isQuoted: boolean, boundLabel: number): void {
    const out = this.#out;
    const { numberStart, numberEnd } = this.#sample;
    // Of a metric of several samples the labels have changed places with the spare ones.
    const labels = (this.#metricLabels ?? this.#labels).text;
    out.reserve(head.length + labels.length + 2);
    out.append(head);
    const hasLabels = labels.length > 0;
    const isOpen = isQuoted || hasLabels || boundLabel >= 0;
    if (hasLabels) {
      out.byte(isQuoted ? COMMA : OPEN);
      out.copy(labels.bytes, 0, labels.length);
    }
    if (boundLabel >= 0) {
      out.byte(isQuoted || hasLabels ? COMMA : OPEN);
      writeLabel(out, this.#body, this.#sample, boundLabel);
    }
    out.reserve(numberEnd - numberStart + 2);
    if (isOpen) out.byte(CLOSE);
    out.byte(BLANK);
    out.copy(this.#body, numberStart, numberEnd);
  }
}
