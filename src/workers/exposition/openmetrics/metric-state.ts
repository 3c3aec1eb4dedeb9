import type { OpenMetricsType, SampleRole } from './metric-types.ts';

/** What has been seen of the metric whose samples are being read: those of one label set, without `le` and `quantile`. */
export class MetricState {
  /** Where its text begins, so that it can be taken back, and the line of the body. */
  textStart = 0;
  textLine = 0;
  firstLine = 0;
  samples = 0;
  timestamp: number | undefined;
  /** Rendered; empty if there is none. */
  created = '';
  createdLine = 0;
  /** Where in the text the created time belongs, -1 until its line is there. */
  createdAt = -1;

  #seen = new Set<SampleRole>();
  #bound = Number.NEGATIVE_INFINITY;
  #hasBucket = false;
  #hasNegativeBound = false;
  #bucketValue = 0;
  #count = 0;
  #sum = 0;

  begin(textStart: number, textLine: number, firstLine: number, timestamp: number | undefined): void {
    this.textStart = textStart;
    this.textLine = textLine;
    this.firstLine = firstLine;
    this.samples = 0;
    this.timestamp = timestamp;
    this.created = '';
    this.createdAt = -1;
    this.#seen.clear();
    this.#bound = Number.NEGATIVE_INFINITY;
    this.#hasBucket = false;
    this.#hasNegativeBound = false;
    this.#bucketValue = 0;
    this.#count = 0;
    this.#sum = 0;
  }

  /** Takes note of a sample. @returns what is wrong with it, as a sentence without its end */
  take(role: SampleRole, value: number, bound: number): string | undefined {
    if (role === 'bucket') {
      if (this.#hasBucket && !(bound > this.#bound)) return 'Expected buckets in order of le, each once';
      if (value < this.#bucketValue) return 'Expected at least as many in a bucket as in the one before';
      this.#hasBucket = true;
      this.#bound = bound;
      this.#hasNegativeBound ||= bound < 0;
      this.#bucketValue = value;
      return undefined;
    }
    if (role === 'quantile') return undefined;
    if (this.#seen.has(role)) return 'Expected each sample of a metric once';
    this.#seen.add(role);
    if (role === 'count') this.#count = value;
    if (role === 'sum') this.#sum = value;
    return undefined;
  }

  /** What is wrong with the metric now that all of it has been seen, as a sentence. */
  problem(type: OpenMetricsType): string | undefined {
    if (type === 'counter') {
      return this.#seen.has('total') ? undefined : 'Expected a sample with the suffix _total for a counter.';
    }
    if (type !== 'histogram' && type !== 'gaugehistogram') return undefined;
    const [count, sum] = type === 'histogram' ? ['_count', '_sum'] : ['_gcount', '_gsum'];
    if (!this.#hasBucket || this.#bound !== Number.POSITIVE_INFINITY)
      return 'Expected a bucket with le="+Inf".';
    const hasCount = this.#seen.has('count');
    if (hasCount !== this.#seen.has('sum')) return `Expected both ${count} and ${sum}, or neither.`;
    if (hasCount && this.#count !== this.#bucketValue) {
      return `Expected ${count} to be the value of the bucket with le="+Inf".`;
    }
    if (this.#hasNegativeBound && hasCount && type === 'histogram') {
      return 'Expected no _sum and _count beside buckets below zero.';
    }
    if (!this.#hasNegativeBound && this.#sum < 0)
      return `Expected no negative ${sum} without buckets below zero.`;
    return undefined;
  }
}
