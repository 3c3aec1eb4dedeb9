import type { ProtobufBytes } from './protobuf-bytes.ts';
import { countIn, type MetricParts, numberIn } from './protobuf-metric.ts';
import { LABEL_STRIDE, type StoredLine } from './stored-line.ts';

const LARGEST_UINT64 = 2n ** 64n - 1n;

interface Bucket {
  readonly bound: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Where its line begins, if that has to be looked at again for an exemplar; else -1. */
  readonly line: number;
}

/** The lines of one histogram or summary, of which one Metric is made. */
export class InstanceLines {
  readonly #bound: 'le' | 'quantile';
  readonly #buckets: Bucket[] = [];
  #first = -1;
  #labels: Buffer = Buffer.alloc(0);
  #sum: number | undefined;
  #countStart = -1;
  #countEnd = -1;
  #created: string | undefined;
  #native: Buffer | undefined;
  #timestamp = '';

  constructor(bound: 'le' | 'quantile') {
    this.#bound = bound;
  }

  /** The line that it begins with, for its labels; -1 if there is none. */
  get first(): number {
    return this.#first;
  }

  get isNative(): boolean {
    return this.#native !== undefined;
  }

  get timestamp(): string {
    return this.#timestamp;
  }

  /** How many labels of a line belong to the instance: all but the bound. */
  labelCount(text: Buffer, line: StoredLine): number {
    const last = (line.labelCount - 1) * LABEL_STRIDE;
    if (last < 0) return 0;
    const name = text.toString('latin1', line.labels[last], line.labels[last + 1]);
    return name === this.#bound ? line.labelCount - 1 : line.labelCount;
  }

  /** Whether the line is of the same instance as those that have been added. */
  has(text: Buffer, line: StoredLine): boolean {
    return this.#first < 0 || this.#labels.equals(this.#labelsOf(text, line));
  }

  /** @param suffix of the name of the line's sample; empty: a quantile */
  add(text: Buffer, line: StoredLine, suffix: string): void {
    if (this.#first < 0) {
      this.#first = line.start;
      this.#labels = this.#labelsOf(text, line);
      if (line.timestampStart >= 0)
        this.#timestamp = text.toString('latin1', line.timestampStart, line.timestampEnd);
    }
    if (suffix === '_sum') {
      this.#sum = numberIn(text, line.valueStart, line.valueEnd);
    } else if (suffix === '_count') {
      this.#countStart = line.valueStart;
      this.#countEnd = line.valueEnd;
      if (line.createdStart >= 0) this.#created = text.toString('latin1', line.createdStart, line.createdEnd);
      if (line.nativeStart >= 0)
        this.#native = Buffer.from(text.toString('latin1', line.nativeStart, line.nativeEnd), 'base64');
    } else {
      const last = (line.labelCount - 1) * LABEL_STRIDE;
      this.#buckets.push({
        bound: numberIn(text, line.labels[last + 2], line.labels[last + 3]),
        valueStart: line.valueStart,
        valueEnd: line.valueEnd,
        line: line.exemplarStart < 0 ? -1 : line.start,
      });
    }
  }

  clear(): void {
    this.#buckets.length = 0;
    this.#first = -1;
    this.#sum = undefined;
    this.#countStart = -1;
    this.#created = undefined;
    this.#native = undefined;
    this.#timestamp = '';
  }

  writeSummary(out: ProtobufBytes, parts: MetricParts, text: Buffer): void {
    if (this.#countStart >= 0) {
      // There is no other field for one that is not whole.
      const count = Math.max(0, Math.trunc(numberIn(text, this.#countStart, this.#countEnd)) || 0);
      const exact = countIn(text, this.#countStart, this.#countEnd);
      out.uint64(1, exact ?? (count < LARGEST_UINT64 ? BigInt(count) : LARGEST_UINT64));
    }
    if (this.#sum !== undefined) out.double(2, this.#sum);
    for (const { bound, valueStart, valueEnd } of this.#buckets) {
      const quantile = out.open(3);
      out.double(1, bound);
      out.double(2, numberIn(text, valueStart, valueEnd));
      out.close(quantile);
    }
    if (this.#created !== undefined) parts.time(4, this.#created);
  }

  writeHistogram(out: ProtobufBytes, parts: MetricParts, text: Buffer, line: StoredLine): void {
    const buckets = this.#shownBuckets(text);
    const counts = buckets.map(({ valueStart, valueEnd }) => countIn(text, valueStart, valueEnd));
    const count = this.#countStart < 0 ? 0 : countIn(text, this.#countStart, this.#countEnd);
    // All of them are floats, or none: readers look at one of them to see which.
    const asFloats = count === undefined || counts.includes(undefined);
    if (!asFloats) out.uint64(1, count);
    if (this.#sum !== undefined) out.double(2, this.#sum);
    for (const [i, { bound, valueStart, valueEnd, line: at }] of buckets.entries()) {
      const bucket = out.open(3);
      if (!asFloats) out.uint64(1, counts[i] as number | bigint);
      out.double(2, bound);
      if (at >= 0) {
        line.scan(text, at);
        parts.exemplar(3, text, line);
      }
      if (asFloats) out.double(4, numberIn(text, valueStart, valueEnd));
      out.close(bucket);
    }
    if (asFloats) out.double(4, this.#countStart < 0 ? 0 : numberIn(text, this.#countStart, this.#countEnd));
    if (this.#native !== undefined) out.copy(this.#native, 0, this.#native.length);
    if (this.#created !== undefined) parts.time(15, this.#created);
  }

  /** Without the bucket of everything, which is implied, unless it has more to say than the count. */
  #shownBuckets(text: Buffer): readonly Bucket[] {
    const last = this.#buckets.at(-1);
    if (last?.bound !== Number.POSITIVE_INFINITY) return this.#buckets;
    if (this.#buckets.length === 1 && this.#native !== undefined) return [];
    const same =
      this.#countStart >= 0 &&
      text.compare(text, this.#countStart, this.#countEnd, last.valueStart, last.valueEnd) === 0;
    return same && last.line < 0 ? this.#buckets.slice(0, -1) : this.#buckets;
  }

  #labelsOf(text: Buffer, line: StoredLine): Buffer {
    const count = this.labelCount(text, line);
    return text.subarray(
      line.labelsStart,
      count === 0 ? line.labelsStart : line.labels[count * LABEL_STRIDE - 1],
    );
  }
}
