import { MAX_LABELS } from '../line-labels.ts';
import { NativePart } from './native-part.ts';
import { readTimestamp, type TimestampFields } from './timestamp-fields.ts';
import { checkParts, WireError, type WireReader } from './wire-reader.ts';

export type ValueKind = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

const KINDS: Readonly<Record<number, ValueKind>> = {
  2: 'gauge',
  3: 'counter',
  4: 'summary',
  5: 'untyped',
  7: 'histogram',
};

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A bucket, or a quantile, which has no exemplar. */
export interface Part {
  readonly bound: number;
  readonly value: number;
  readonly exemplar: Range | undefined;
}

/** The fields of a Metric, io.prometheus.client, in whatever order they came. Ranges are offsets into the body. */
export class MetricFields {
  labels = 0;
  readonly labelStart = new Int32Array(MAX_LABELS);
  readonly labelEnd = new Int32Array(MAX_LABELS);
  readonly valueStart = new Int32Array(MAX_LABELS);
  readonly valueEnd = new Int32Array(MAX_LABELS);
  hasValue = false;
  timestampMs = '';
  /** Of a counter, a gauge or what is untyped. */
  value = 0;
  exemplar: Range | undefined;
  created: TimestampFields | undefined;
  count = 0;
  sum = 0;
  readonly parts: Part[] = [];
  readonly native = new NativePart();
  isFloatCount = false;
  #countFloat = 0;

  /** Reads the message that the reader has entered; of several values the one of this kind. @throws WireError */
  read(reader: WireReader, kind: ValueKind): void {
    this.#reset();
    while (reader.next()) {
      if (reader.field === 1) this.#readLabel(reader);
      else if (reader.field === 6) this.timestampMs = reader.int64Text();
      else if (KINDS[reader.field] === kind) this.#readValue(reader, kind);
      else reader.skip();
    }
    this.isFloatCount = this.#countFloat > 0;
    if (this.isFloatCount) this.count = this.#countFloat;
  }

  #reset(): void {
    this.labels = 0;
    this.hasValue = false;
    this.timestampMs = '';
    this.value = 0;
    this.exemplar = undefined;
    this.created = undefined;
    this.count = 0;
    this.sum = 0;
    this.parts.length = 0;
    this.native.reset();
    this.#countFloat = 0;
  }

  #readLabel(reader: WireReader): void {
    if (this.labels === MAX_LABELS) throw new WireError(`a metric has more than ${MAX_LABELS} labels`);
    const i = this.labels++;
    [this.labelStart[i], this.labelEnd[i], this.valueStart[i], this.valueEnd[i]] = [0, 0, 0, 0];
    const outer = reader.enterMessage();
    while (reader.next()) {
      if (reader.field === 1) {
        reader.range();
        this.labelStart[i] = reader.start;
        this.labelEnd[i] = reader.end;
      } else if (reader.field === 2) {
        reader.range();
        this.valueStart[i] = reader.start;
        this.valueEnd[i] = reader.end;
      } else {
        reader.skip();
      }
    }
    reader.leave(outer);
  }

  #readValue(reader: WireReader, kind: ValueKind): void {
    this.hasValue = true;
    const outer = reader.enterMessage();
    while (reader.next()) {
      if (kind === 'histogram') this.#readOfHistogram(reader);
      else if (kind === 'summary') this.#readOfSummary(reader);
      else if (reader.field === 1) this.value = reader.double();
      else if (kind === 'counter' && reader.field === 2) this.exemplar = readRange(reader);
      else if (kind === 'counter' && reader.field === 3) this.created = readTimestamp(reader);
      else reader.skip();
    }
    reader.leave(outer);
  }

  #readOfSummary(reader: WireReader): void {
    if (reader.field === 1) this.count = reader.uint64();
    else if (reader.field === 2) this.sum = reader.double();
    else if (reader.field === 3) this.#readQuantile(reader);
    else if (reader.field === 4) this.created = readTimestamp(reader);
    else reader.skip();
  }

  #readQuantile(reader: WireReader): void {
    let [bound, value] = [0, 0];
    const outer = reader.enterMessage();
    while (reader.next()) {
      if (reader.field === 1) bound = reader.double();
      else if (reader.field === 2) value = reader.double();
      else reader.skip();
    }
    reader.leave(outer);
    this.parts.push({ bound, value, exemplar: undefined });
    checkParts(this.parts.length);
  }

  #readOfHistogram(reader: WireReader): void {
    if (reader.field === 1) this.count = reader.uint64();
    else if (reader.field === 2) this.sum = reader.double();
    else if (reader.field === 3) this.#readBucket(reader);
    else if (reader.field === 4) this.#countFloat = reader.double();
    else if (reader.field === 15) this.created = readTimestamp(reader);
    else this.native.read(reader);
  }

  #readBucket(reader: WireReader): void {
    let [bound, count, countFloat] = [0, 0, 0];
    let exemplar: Range | undefined;
    const outer = reader.enterMessage();
    while (reader.next()) {
      if (reader.field === 1) count = reader.uint64();
      else if (reader.field === 2) bound = reader.double();
      else if (reader.field === 3) exemplar = readRange(reader);
      else if (reader.field === 4) countFloat = reader.double();
      else reader.skip();
    }
    reader.leave(outer);
    this.parts.push({ bound, value: countFloat > 0 ? countFloat : count, exemplar });
    checkParts(this.parts.length);
  }
}

function readRange(reader: WireReader): Range {
  reader.range();
  return { start: reader.start, end: reader.end };
}
