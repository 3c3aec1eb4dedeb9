import { BLANK, CLOSE, COMMA, NEWLINE, OPEN, QUOTE, ZERO } from './character-classes.ts';
import { type EntryList, SCRATCH } from './entry-list.ts';
import type { FamilyTable, ParsedFamily } from './families.ts';
import {
  BOUND,
  COUNT,
  DAMAGED,
  ENTRY,
  FIRST_BOUND,
  INSTANCE_FIELDS,
  type Instances,
  KEY_END,
  KEY_START,
  NEXT,
  NONE,
  SAMPLE_FIELDS,
  SUM,
  TIMESTAMP_END,
  TIMESTAMP_START,
  VALUE_END,
  VALUE_START,
} from './instances.ts';
import { excerpt, type Rejections } from './rejections.ts';
import type { Scratch } from './scratch.ts';

const BUCKET_SUFFIX = Buffer.from('_bucket');
const SUM_SUFFIX = Buffer.from('_sum');
const COUNT_SUFFIX = Buffer.from('_count');
const NO_SUFFIX = Buffer.alloc(0);
const LE = Buffer.from('le="');
const QUANTILE = Buffer.from('quantile="');
const INFINITE_BOUND = Buffer.from('+Inf');

/** What the rest of a line may need: punctuation and the longest suffix and label name. */
const LINE_OVERHEAD = 32;

/**
 * Renders the instances of a block: buckets in ascending order with `+Inf` last, then `_sum` and `_count`; quantiles
 * likewise. What the reference fills in is filled in, as long as the block is the whole body. Otherwise an instance of
 * which anything is missing was probably torn by the cut between two blocks, and is refused whole: half a histogram is
 * worse than none.
 */
export class InstanceLines {
  readonly #entries: EntryList;
  readonly #instances: Instances;
  readonly #out: Scratch;
  #text: Buffer = Buffer.alloc(0);
  #name: Buffer = Buffer.alloc(0);
  #family: ParsedFamily | undefined;
  /** Samples of buckets or quantiles of the instance at hand, in order of their bounds. */
  readonly #ordered: number[] = [];

  constructor(entries: EntryList, instances: Instances, out: Scratch) {
    this.#entries = entries;
    this.#instances = instances;
    this.#out = out;
  }

  /** Gives each entry of an instance the place of its lines, or no samples if it is refused. */
  render(text: Buffer, families: FamilyTable, whole: boolean, rejections: Rejections): void {
    this.#text = text;
    this.#family = undefined;
    for (let instance = 0; instance < this.#instances.count; instance++) {
      const entry = this.#field(instance, ENTRY);
      const samples = this.#entries.samples[entry];
      if (samples === 0) continue;
      const family = families.list[this.#entries.family[entry]];
      if (family !== this.#family) {
        this.#family = family;
        this.#name = Buffer.from(family.name, 'latin1');
      }
      this.#order(instance);
      const flaw = this.#flaw(instance, family, whole);
      if (flaw !== undefined) {
        rejections.instance(this.#entries.line[entry], samples, () => this.#message(instance, family, flaw));
        this.#entries.samples[entry] = 0;
        continue;
      }
      this.#entries.start[entry] = SCRATCH + this.#out.length;
      if (family.kind === 'histogram') this.#histogram(instance);
      else this.#summary(instance);
      this.#entries.end[entry] = SCRATCH + this.#out.length;
    }
  }

  /** Sorts the buckets or quantiles by bound; of two with the same bound the later stays. */
  #order(instance: number): void {
    const { samples, bounds } = this.#instances;
    const ordered = this.#ordered;
    ordered.length = 0;
    let ascending = true;
    let before = Number.NEGATIVE_INFINITY;
    for (
      let sample = this.#field(instance, FIRST_BOUND);
      sample !== NONE;
      sample = samples[sample * SAMPLE_FIELDS + NEXT]
    ) {
      const value = bounds.values[samples[sample * SAMPLE_FIELDS + BOUND]];
      ascending &&= value > before;
      before = value;
      ordered.push(sample);
    }
    if (ascending) return;
    ordered.sort((a, b) => this.#bound(a) - this.#bound(b) || a - b);
    let kept = 0;
    for (let i = 0; i < ordered.length; i++) {
      const isLast = i + 1 === ordered.length || this.#bound(ordered[i]) !== this.#bound(ordered[i + 1]);
      if (isLast) ordered[kept++] = ordered[i];
    }
    ordered.length = kept;
  }

  /** What is wrong with the instance, if anything. */
  #flaw(instance: number, family: ParsedFamily, whole: boolean): string | undefined {
    if (this.#field(instance, DAMAGED) === 1) return 'a line of it was refused';
    const hasCount = this.#field(instance, COUNT) !== NONE;
    const isHistogram = family.kind === 'histogram';
    if (isHistogram && !hasCount && this.#infinite() === NONE)
      return 'it has neither _count nor the bucket +Inf';
    if (whole) return undefined;
    if (isHistogram && this.#ordered.length === 0) return 'it has no _bucket';
    if (!hasCount) return 'it has no _count';
    return this.#field(instance, SUM) === NONE ? 'it has no _sum' : undefined;
  }

  #message(instance: number, family: ParsedFamily, flaw: string): string {
    const keys = this.#instances.keys.bytes;
    const start = this.#field(instance, KEY_START);
    const end = this.#field(instance, KEY_END);
    const labels = start === end ? '' : `, labels ${excerpt(keys, start, end)}`;
    const name = excerpt(this.#name, 0, this.#name.length);
    return `Expected all lines of one ${family.kind} one after another, refused all of ${name}${labels}: ${flaw}.`;
  }

  #histogram(instance: number): void {
    const { samples, bounds } = this.#instances;
    for (const sample of this.#ordered) {
      const bound = bounds.texts[samples[sample * SAMPLE_FIELDS + BOUND]];
      this.#line(instance, BUCKET_SUFFIX, LE, bound, sample);
    }
    const infinite = this.#infinite();
    const count = this.#field(instance, COUNT);
    if (infinite === NONE) this.#line(instance, BUCKET_SUFFIX, LE, INFINITE_BOUND, count);
    this.#line(instance, SUM_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, SUM));
    this.#line(instance, COUNT_SUFFIX, undefined, NO_SUFFIX, count === NONE ? infinite : count);
  }

  #summary(instance: number): void {
    const { samples, bounds } = this.#instances;
    for (const sample of this.#ordered) {
      const bound = bounds.texts[samples[sample * SAMPLE_FIELDS + BOUND]];
      this.#line(instance, NO_SUFFIX, QUANTILE, bound, sample);
    }
    this.#line(instance, SUM_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, SUM));
    this.#line(instance, COUNT_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, COUNT));
  }

  /** @param sample gives value and timestamp; NONE stands for 0 */
  #line(
    instance: number,
    suffix: Buffer,
    boundLabel: Buffer | undefined,
    bound: Buffer,
    sample: number,
  ): void {
    const out = this.#out;
    const keyStart = this.#field(instance, KEY_START);
    const keyEnd = this.#field(instance, KEY_END);
    const hasKey = keyEnd > keyStart;
    out.reserve(this.#name.length + keyEnd - keyStart + bound.length + LINE_OVERHEAD);
    out.append(this.#name);
    out.append(suffix);
    if (hasKey || boundLabel !== undefined) {
      out.byte(OPEN);
      out.copy(this.#instances.keys.bytes, keyStart, keyEnd);
      if (boundLabel !== undefined) {
        if (hasKey) out.byte(COMMA);
        out.append(boundLabel);
        out.append(bound);
        out.byte(QUOTE);
      }
      out.byte(CLOSE);
    }
    out.byte(BLANK);
    this.#value(sample);
    out.byte(NEWLINE);
  }

  #value(sample: number): void {
    const out = this.#out;
    if (sample === NONE) {
      out.byte(ZERO);
      return;
    }
    const { samples } = this.#instances;
    const at = sample * SAMPLE_FIELDS;
    const timestampStart = samples[at + TIMESTAMP_START];
    const timestampEnd = samples[at + TIMESTAMP_END];
    out.reserve(samples[at + VALUE_END] - samples[at + VALUE_START] + timestampEnd - timestampStart + 2);
    out.copy(this.#text, samples[at + VALUE_START], samples[at + VALUE_END]);
    if (timestampEnd > timestampStart) {
      out.byte(BLANK);
      out.copy(this.#text, timestampStart, timestampEnd);
    }
  }

  #infinite(): number {
    const last = this.#ordered.at(-1);
    return last !== undefined && this.#bound(last) === Infinity ? last : NONE;
  }

  #bound(sample: number): number {
    return this.#instances.bounds.values[this.#instances.samples[sample * SAMPLE_FIELDS + BOUND]];
  }

  #field(instance: number, field: number): number {
    return this.#instances.instances[instance * INSTANCE_FIELDS + field];
  }
}
