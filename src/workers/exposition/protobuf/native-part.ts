import { readExemplar } from './exemplar-fields.ts';
import { checkParts, type WireReader } from './wire-reader.ts';

/** Spans, deltas and counts of one side, or what they have to be together. */
class Side {
  /** Buckets that the spans speak of. */
  spanned = 0;
  badSpan = false;
  spans = 0;
  readonly deltas: number[] = [];
  readonly counts: number[] = [];

  reset(): void {
    this.spanned = 0;
    this.badSpan = false;
    this.spans = 0;
    this.deltas.length = 0;
    this.counts.length = 0;
  }

  readSpan(reader: WireReader): void {
    let [offset, length] = [0, 0];
    const outer = reader.enterMessage();
    while (reader.next()) {
      if (reader.field === 1) offset = reader.sint64();
      else if (reader.field === 2) length = reader.uint64();
      else reader.skip();
    }
    reader.leave(outer);
    this.badSpan ||= this.spans > 0 && offset < 0;
    this.spans++;
    this.spanned += length;
  }

  /** The sum of the buckets, or undefined if they are not what the spans say. */
  total(isFloat: boolean): number | undefined {
    const numbers = isFloat ? this.counts : this.deltas;
    if (this.badSpan || numbers.length !== this.spanned) return undefined;
    let total = 0;
    let bucket = 0;
    for (const number of numbers) {
      bucket = isFloat ? number : bucket + number;
      if (bucket < 0) return undefined;
      total += bucket;
    }
    return total;
  }
}

/**
 * The fields of a Histogram that make it a native one, as bytes. They are spliced into our answers as they came, so
 * everything is checked here that a reader would stumble over: Prometheus drops a whole scrape for one bad histogram.
 */
export class NativePart {
  readonly #ranges: Array<[start: number, end: number]> = [];
  readonly #negative = new Side();
  readonly #positive = new Side();
  #schema = 0;
  #zeroThreshold = 0;
  #zeroCount = 0;
  #zeroCountFloat = 0;
  #badExemplar = false;

  reset(): void {
    this.#ranges.length = 0;
    this.#negative.reset();
    this.#positive.reset();
    this.#schema = 0;
    this.#zeroThreshold = 0;
    this.#zeroCount = 0;
    this.#zeroCountFloat = 0;
    this.#badExemplar = false;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Reads the field that the reader has come to; an unknown one is skipped and left out. @throws WireError */
  read(reader: WireReader): void {
    const start = reader.fieldStart;
    if (!this.#readKnown(reader)) {
      reader.skip();
      return;
    }
    const before = this.#ranges.at(-1);
    if (before?.[1] === start) before[1] = reader.position;
    else this.#ranges.push([start, reader.position]);
    checkParts(this.#ranges.length);
  }

  /** The bytes of the fields in the order in which they came. */
  bytes(body: Buffer): Buffer {
    return Buffer.concat(this.#ranges.map(([start, end]) => body.subarray(start, end)));
  }

  /** What Prometheus would not take, given the count of the histogram, whether it is a float, and the sum. */
  problem(count: number, isFloatCount: boolean, sum: number): string | undefined {
    if (this.#badExemplar) return 'an exemplar with invalid UTF-8';
    const [negative, positive] = [this.#negative, this.#positive];
    const isNative =
      negative.spans + positive.spans > 0 ||
      this.#zeroThreshold > 0 ||
      this.#zeroCount > 0 ||
      this.#zeroCountFloat > 0;
    if (!isNative) return undefined;
    if (this.#schema < -4 || this.#schema > 8) return `the unknown schema ${this.#schema}`;
    const isFloat = isFloatCount || this.#zeroCountFloat > 0;
    const [below, above] = [negative.total(isFloat), positive.total(isFloat)];
    if (below === undefined || above === undefined)
      return 'buckets below zero, or not as many as its spans say';
    // Sums of floats are off by rounding.
    if (isFloat) return undefined;
    const total = below + above + this.#zeroCount;
    // Observations that are not a number are in no bucket.
    if (Number.isNaN(sum) ? total <= count : total === count) return undefined;
    return `${total} observations in its buckets and a count of ${count}`;
  }

  #readKnown(reader: WireReader): boolean {
    switch (reader.field) {
      case 5:
        this.#schema = reader.sint64();
        return true;
      case 6:
        this.#zeroThreshold = reader.double();
        return true;
      case 7:
        this.#zeroCount = reader.uint64();
        return true;
      case 8:
        this.#zeroCountFloat = reader.double();
        return true;
      case 9:
        this.#negative.readSpan(reader);
        return true;
      case 10:
        reader.sint64s(this.#negative.deltas);
        return true;
      case 11:
        reader.doubles(this.#negative.counts);
        return true;
      case 12:
        this.#positive.readSpan(reader);
        return true;
      case 13:
        reader.sint64s(this.#positive.deltas);
        return true;
      case 14:
        reader.doubles(this.#positive.counts);
        return true;
      case 16: {
        const outer = reader.enterMessage();
        this.#badExemplar ||= readExemplar(reader) === undefined;
        reader.leave(outer);
        return true;
      }
      default:
        return false;
    }
  }
}
