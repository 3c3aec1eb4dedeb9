import { FEATURE_QUOTED_NAMES } from '../../redis/block.ts';
import { escapeQuoted } from '../../redis/label-text.ts';
import type { SeriesHash } from '../identity.ts';
import { BLANK, CLOSE, COMMA, HASH, NEWLINE, OPEN, QUOTE, ZERO } from './character-classes.ts';
import { type EntryList, SCRATCH } from './entry-list.ts';
import type { FamilyTable, ParsedFamily } from './families.ts';
import type { GroupLabels } from './group-labels.ts';
import { boundLabel } from './instance-samples.ts';
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
  TAIL_END,
  TAIL_START,
  VALUE_END,
  VALUE_START,
} from './instances.ts';
import { metricText } from './metric-text.ts';
import { isClassicMetricName } from './names.ts';
import { excerpt, type Rejections } from './rejections.ts';
import { MAX_RENDERED_BYTES, Scratch } from './scratch.ts';

const BUCKET_SUFFIX = Buffer.from('_bucket');
const SUM_SUFFIX = Buffer.from('_sum');
const COUNT_SUFFIX = Buffer.from('_count');
const NO_SUFFIX = Buffer.alloc(0);
const QUOTED_NAME = Buffer.from('{"');
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
  /** Set on every instance. */
  group: GroupLabels | undefined;
  /** Whether to fill in as the reference does, whatever a histogram lacks; of no use but for a whole body. */
  strict = false;
  /** So many bytes may be rendered. */
  room = MAX_RENDERED_BYTES;
  readonly #entries: EntryList;
  readonly #instances: Instances;
  readonly #hash: SeriesHash;
  readonly #out: Scratch;
  #text: Buffer = Buffer.alloc(0);
  /** Of the family at hand, as it stands in an exposition, without its closing quote if it needs quotes. */
  #name: Buffer = Buffer.alloc(0);
  #isQuoted = false;
  #family: ParsedFamily | undefined;
  /** Labels of the instance at hand, where `#labelBytes` is one of two buffers: that of the keys or `#merged`. */
  #labelBytes: Buffer = Buffer.alloc(0);
  #labelsStart = 0;
  #labelsEnd = 0;
  readonly #merged = new Scratch();
  /** Samples of buckets or quantiles of the instance at hand, in order of their bounds. */
  readonly #ordered: number[] = [];

  constructor(entries: EntryList, instances: Instances, hash: SeriesHash, out: Scratch) {
    this.#entries = entries;
    this.#instances = instances;
    this.#hash = hash;
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
      if (family !== this.#family) this.#begin(family);
      this.#order(instance);
      const flaw = this.#flaw(instance, family, whole);
      if (flaw !== undefined) {
        if (this.#isBoundGiven(family) && rejections.problems?.first === undefined)
          rejections.problems?.check(this.#entries.line[entry], this.#given(family));
        rejections.instance(this.#entries.line[entry], samples, () => this.#message(instance, family, flaw));
        this.#entries.samples[entry] = 0;
        continue;
      }
      this.#setLabels(instance, entry);
      this.#entries.start[entry] = SCRATCH + this.#out.length;
      if (family.kind === 'histogram') this.#histogram(instance);
      else this.#summary(instance);
      this.#entries.end[entry] = SCRATCH + this.#out.length;
    }
  }

  #begin(family: ParsedFamily): void {
    this.#family = family;
    this.#isQuoted = !isClassicMetricName(family.name);
    const name = Buffer.from(escapeQuoted(family.name));
    this.#name = this.#isQuoted ? Buffer.concat([QUOTED_NAME, name]) : name;
  }

  #setLabels(instance: number, entry: number): void {
    const { bytes } = this.#instances.keys;
    this.#labelBytes = bytes;
    this.#labelsStart = this.#field(instance, KEY_START);
    this.#labelsEnd = this.#field(instance, KEY_END);
    if (this.#isQuoted) this.#entries.features[entry] |= FEATURE_QUOTED_NAMES;
    if (this.group === undefined) return;
    const merged = this.#merged;
    merged.length = 0;
    this.group.write(merged, bytes, this.#labelsStart, this.#labelsEnd);
    this.#labelBytes = merged.bytes;
    this.#labelsStart = 0;
    this.#labelsEnd = merged.length;
    this.#hash.hash(merged.bytes, 0, merged.length);
    this.#entries.hashHi[entry] = this.#hash.hi;
    this.#entries.hashLo[entry] = this.#hash.lo;
    this.#entries.features[entry] |= this.group.features;
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
    if (this.#out.length > this.room) return 'with the labels of the group there is too much of it';
    if (this.#isBoundGiven(family)) return 'its le or quantile is given by the grouping key';
    const hasCount = this.#field(instance, COUNT) !== NONE;
    const isHistogram = family.kind === 'histogram';
    if (this.strict) return undefined;
    if (isHistogram && !hasCount && this.#infinite() === NONE)
      return 'it has neither _count nor the bucket +Inf';
    if (whole) return undefined;
    if (isHistogram && this.#ordered.length === 0) return 'it has no _bucket';
    if (!hasCount) return 'it has no _count';
    return this.#field(instance, SUM) === NONE ? 'it has no _sum' : undefined;
  }

  /** Whether the grouping key has the label that tells the lines of an instance apart. */
  #isBoundGiven(family: ParsedFamily): boolean {
    return this.group?.has(String(boundLabel(family.kind))) ?? false;
  }

  #given(family: ParsedFamily): string {
    const metric = metricText(family.name, this.group?.text() ?? '');
    return `collected ${metric} must not have an explicit "${boundLabel(family.kind)}" label`;
  }

  #message(instance: number, family: ParsedFamily, flaw: string): string {
    const keys = this.#instances.keys.bytes;
    const start = this.#field(instance, KEY_START);
    const end = this.#field(instance, KEY_END);
    const labels = start === end ? '' : `, labels ${excerpt(keys, start, end)}`;
    const nameBytes = Buffer.from(family.name);
    const name = excerpt(nameBytes, 0, nameBytes.length);
    return `Expected all lines of one ${family.kind} one after another, refused all of ${name}${labels}: ${flaw}.`;
  }

  #histogram(instance: number): void {
    const { samples, bounds } = this.#instances;
    for (const sample of this.#ordered) {
      const bound = bounds.texts[samples[sample * SAMPLE_FIELDS + BOUND]];
      this.#line(BUCKET_SUFFIX, LE, bound, sample);
    }
    const infinite = this.#infinite();
    const count = this.#field(instance, COUNT);
    if (infinite === NONE) this.#line(BUCKET_SUFFIX, LE, INFINITE_BOUND, count, true);
    this.#line(SUM_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, SUM));
    if (count === NONE && !this.strict) this.#line(COUNT_SUFFIX, undefined, NO_SUFFIX, infinite, true);
    else this.#line(COUNT_SUFFIX, undefined, NO_SUFFIX, count);
  }

  #summary(instance: number): void {
    const { samples, bounds } = this.#instances;
    for (const sample of this.#ordered) {
      const bound = bounds.texts[samples[sample * SAMPLE_FIELDS + BOUND]];
      this.#line(NO_SUFFIX, QUANTILE, bound, sample);
    }
    this.#line(SUM_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, SUM));
    this.#line(COUNT_SUFFIX, undefined, NO_SUFFIX, this.#field(instance, COUNT));
  }

  /**
   * @param sample gives value, timestamp and extras; NONE stands for 0
   * @param isFilledIn the sample is that of another line, so its extras do not belong here
   */
  #line(
    suffix: Buffer,
    boundName: Buffer | undefined,
    bound: Buffer,
    sample: number,
    isFilledIn = false,
  ): void {
    const out = this.#out;
    const labelsLength = this.#labelsEnd - this.#labelsStart;
    let isOpen = this.#isQuoted;
    out.reserve(this.#name.length + labelsLength + bound.length + LINE_OVERHEAD);
    out.append(this.#name);
    out.append(suffix);
    if (isOpen) out.byte(QUOTE);
    if (labelsLength > 0) {
      out.byte(isOpen ? COMMA : OPEN);
      isOpen = true;
      out.copy(this.#labelBytes, this.#labelsStart, this.#labelsEnd);
    }
    if (boundName !== undefined) {
      out.byte(isOpen ? COMMA : OPEN);
      isOpen = true;
      out.append(boundName);
      out.append(bound);
      out.byte(QUOTE);
    }
    if (isOpen) out.byte(CLOSE);
    out.byte(BLANK);
    this.#value(sample, isFilledIn);
    out.reserve(1);
    out.byte(NEWLINE);
  }

  #value(sample: number, isFilledIn: boolean): void {
    const out = this.#out;
    if (sample === NONE) {
      out.byte(ZERO);
      return;
    }
    const { samples, tails } = this.#instances;
    const at = sample * SAMPLE_FIELDS;
    const tailStart = samples[at + TAIL_START];
    let tailEnd = samples[at + TAIL_END];
    if (isFilledIn && tailEnd > tailStart) {
      const extras = tails.bytes.subarray(tailStart, tailEnd).indexOf(HASH);
      if (extras >= 0) tailEnd = tailStart + extras - 1;
    }
    out.reserve(samples[at + VALUE_END] - samples[at + VALUE_START] + tailEnd - tailStart + 1);
    out.copy(this.#text, samples[at + VALUE_START], samples[at + VALUE_END]);
    out.copy(tails.bytes, tailStart, tailEnd);
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
