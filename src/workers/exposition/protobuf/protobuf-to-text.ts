import { type Converted, ConvertedText, Problems } from '../converted.ts';
import { excerpt } from '../rejections.ts';
import { isValidUtf8 } from '../utf8.ts';
import { FamilyFields } from './family-fields.ts';
import { OVERFLOW, readLengthPrefix, TRUNCATED, UNEXPECTED_EOF, VARINT_OVERFLOW } from './length-prefix.ts';
import { MetricFields } from './metric-fields.ts';
import { MetricLines } from './metric-lines.ts';
import { WireError, WireReader } from './wire-reader.ts';

export interface ProtobufOptions {
  /** Stop at the first problem; of several messages of one name the last counts. */
  readonly strict: boolean;
}

/**
 * Converts messages io.prometheus.client.MetricFamily, each after its length as a varint, to extended text. In the mode
 * that is not strict, a metric whose content is not consistent is left out, and a message that cannot be read ends the
 * conversion.
 */
export function protobufToText(body: Buffer, options: ProtobufOptions): Converted {
  return new Conversion(body, options.strict).run();
}

const METRIC_FIELD = 4;

/** A family in the text, from its metadata on. */
interface Place {
  readonly start: number;
  readonly end: number;
}

class Conversion {
  readonly #body: Buffer;
  readonly #strict: boolean;
  readonly #out = new ConvertedText();
  readonly #problems = new Problems();
  readonly #reader: WireReader;
  readonly #metric = new MetricFields();
  readonly #lines: MetricLines;
  readonly #places = new Map<string, Place>();
  #hasRepeated = false;
  #message = 0;
  #problem: Converted['problem'];

  constructor(body: Buffer, strict: boolean) {
    this.#body = body;
    this.#strict = strict;
    this.#reader = new WireReader(body);
    this.#lines = new MetricLines(this.#out, this.#reader);
  }

  run(): Converted {
    const body = this.#body;
    this.#out.reserve(body.length);
    let at = 0;
    while (at < body.length && this.#problem === undefined) {
      this.#message++;
      const { length, next } = readLengthPrefix(body, at);
      if (length === OVERFLOW) this.#stop('syntax', VARINT_OVERFLOW);
      else if (length === TRUNCATED || length > body.length - next) this.#stop('syntax', UNEXPECTED_EOF);
      else this.#takeMessage(next, next + length);
      at = next + length;
    }
    const failed = this.#strict && this.#problem !== undefined;
    return {
      text: failed ? Buffer.alloc(0) : this.#text(),
      errors: this.#problems.errors,
      rejected: this.#problems.rejected,
      lines: this.#strict ? undefined : this.#out.lines,
      sourceLines: this.#message,
      ...(this.#problem && { problem: this.#problem }),
    };
  }

  #text(): Buffer {
    const { bytes, length } = this.#out;
    if (!this.#hasRepeated) return bytes.subarray(0, length);
    const places = [...this.#places.values()].sort((a, b) => a.start - b.start);
    return Buffer.concat(places.map(({ start, end }) => bytes.subarray(start, end)));
  }

  #stop(kind: 'syntax' | 'check', message: string): void {
    this.#problem = { kind, message };
    this.#problems.add(this.#message, () => message);
  }

  /** Of something that can be read. */
  #refuse(message: () => string, samples: number): void {
    if (this.#strict) this.#stop('check', message());
    else this.#problems.add(this.#message, message, samples);
  }

  #takeMessage(start: number, end: number): void {
    const { length, lineCount } = this.#out;
    try {
      const outer = this.#reader.enter(start, end);
      const family = FamilyFields.read(this.#reader);
      this.#reader.leave(outer);
      this.#takeFamily(family, start, end);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#out.truncate(length, lineCount);
      this.#stop('syntax', error.message);
    }
  }

  #takeFamily(family: FamilyFields, messageStart: number, messageEnd: number): void {
    const problem = family.problem();
    if (problem !== undefined) {
      this.#refuse(() => `metric family ${excerptOf(family.name)} ${problem}`, Math.max(family.metrics, 1));
      return;
    }
    const start = this.#out.length;
    if (family.metrics > 0) family.writeMetadata(this.#out, this.#message);
    // A second time over the message: the type may stand behind the metrics, of which there may be very many.
    const reader = this.#reader;
    const outer = reader.enter(messageStart, messageEnd);
    while (this.#problem === undefined && reader.next()) {
      if (reader.field !== METRIC_FIELD) {
        reader.skip();
        continue;
      }
      const message = reader.enterMessage();
      this.#metric.read(reader, family.kind);
      reader.leave(message);
      const { position } = reader;
      this.#takeMetric(family);
      reader.enter(position, messageEnd);
    }
    reader.leave(outer);
    if (!this.#strict) return;
    const name = family.name.toString('latin1');
    this.#hasRepeated ||= this.#places.has(name);
    this.#places.set(name, { start, end: this.#out.length });
  }

  #takeMetric(family: FamilyFields): void {
    const metric = this.#metric;
    const { length, lineCount } = this.#out;
    const problem = this.#metricProblem(family) ?? this.#lines.write(family, metric, this.#message);
    if (problem === undefined) return;
    this.#out.truncate(length, lineCount);
    this.#refuse(() => `collected metric ${excerptOf(family.name)} ${this.#shownLabels()} ${problem}`, 1);
  }

  #metricProblem(family: FamilyFields): string | undefined {
    const metric = this.#metric;
    const body = this.#body;
    if (!metric.hasValue) return `is not a ${family.typeName}`;
    for (let i = 0; i < metric.labels; i++) {
      const { labelStart, labelEnd, valueStart, valueEnd } = metric;
      if (labelStart[i] === labelEnd[i]) return 'has a label with an invalid name: ""';
      if (!isValidUtf8(body, labelStart[i], labelEnd[i])) return 'has a label name with invalid UTF-8';
      if (!isValidUtf8(body, valueStart[i], valueEnd[i])) return 'has a label value with invalid UTF-8';
    }
    if (family.kind !== 'histogram') return undefined;
    const { count, isFloatCount, sum, native } = metric;
    const problem = native.problem(count, isFloatCount, sum);
    return problem && `is a native histogram with ${problem}`;
  }

  #shownLabels(): string {
    const { labels, labelStart, labelEnd, valueStart, valueEnd } = this.#metric;
    const shown: string[] = [];
    for (let i = 0; i < Math.min(labels, 8); i++) {
      const [name, value] = [
        excerpt(this.#body, labelStart[i], labelEnd[i]),
        excerpt(this.#body, valueStart[i], valueEnd[i]),
      ];
      shown.push(`label:{name:${name} value:${value}}`);
    }
    return `{ ${shown.join(' ')}${labels > 8 ? ' …' : ''} }`;
  }
}

function excerptOf(text: Buffer): string {
  return text.length === 0 ? '""' : excerpt(text, 0, text.length);
}
