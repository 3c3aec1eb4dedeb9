import type { FamilyKind } from '../identity.ts';
import type { TimestampPolicy } from '../messages.ts';
import type { CanonicalLine } from './canonical-line.ts';
import { MINUS } from './character-classes.ts';
import type { FamilyTable, Member } from './families.ts';
import type { Instances } from './instances.ts';
import { parseNumber } from './numbers.ts';
import type { SampleLine } from './sample-line.ts';

const LE = Buffer.from('le');
const QUANTILE = Buffer.from('quantile');

/** What `Bounds` does not know: a bound that is not a number, which the reference takes for none. */
const NOT_A_NUMBER = -2;

/** The label of a histogram or summary line that is no part of its identity. */
export function boundLabel(kind: FamilyKind): Buffer | undefined {
  if (kind === 'plain') return undefined;
  return kind === 'histogram' ? LE : QUANTILE;
}

/** Takes the sample lines of histograms and summaries, if they say what such a line has to. */
export class InstanceSamples {
  /**
   * As in the reference: a sample that a histogram or summary has no place for only makes the instance that it would be
   * of; a bound has to be a number on whatever line it stands.
   */
  strict = false;
  readonly #families: FamilyTable;
  readonly #instances: Instances;

  constructor(families: FamilyTable, instances: Instances) {
    this.#families = families;
    this.#instances = instances;
  }

  /** @returns false if the line has to be looked at more closely; then nothing has happened */
  takeCanonical(member: Member, text: Buffer, canonical: CanonicalLine, line: number): boolean {
    const { role } = member;
    let bound = 0;
    if (needsBound(member)) {
      if (canonical.boundStart < 0) return false;
      bound = this.#instances.bounds.id(text, canonical.boundValue, canonical.boundEnd - 1);
      if (bound < 0) return false;
    } else if (role === 'bare' || (this.strict && canonical.boundStart >= 0)) {
      return false;
    }
    const { valueStart, valueEnd } = canonical;
    if (text[valueStart] === MINUS && isCount(member)) return false;
    const instance = this.#instances.locate(
      text,
      this.#families.indexOf(member, line),
      line,
      canonical.labelsStart,
      canonical.labelsEnd,
      canonical.boundStart,
      canonical.boundEnd,
    );
    this.#instances.add(instance, role, bound, valueStart, valueEnd, 0, 0);
    return true;
  }

  /**
   * @param sample has its labels, but not yet its value
   * @returns false if the line is refused: `sample` has the problem
   */
  take(
    member: Member,
    text: Buffer,
    sample: SampleLine,
    line: number,
    end: number,
    policy: TimestampPolicy,
  ): boolean {
    const label = boundLabel(member.family.kind);
    const labelled = label === undefined ? -1 : sample.labels.indexOf(label);
    const hasPlace = hasItsLabel(member, sample, labelled);
    // Such a line is no part of an instance, and leaves none incomplete.
    if (!hasPlace && !this.strict) return false;
    const family = this.#families.indexOf(member, line);
    const instance = this.#instances.locateLine(sample, labelled, family, line);
    const bound = this.#bound(member, text, sample, labelled);
    if (bound === -1 || !sample.scanValue(end, policy) || !hasPossibleCount(member, text, sample)) {
      this.#instances.damage(instance);
      return false;
    }
    if (hasPlace && bound >= 0) this.#instances.addLine(instance, member.role, bound, sample);
    else this.#instances.mention(instance);
    return true;
  }

  /** The id of the sample's bound; 0 if it needs none, -1 if it is no number, or NOT_A_NUMBER. */
  #bound(member: Member, text: Buffer, sample: SampleLine, label: number): number {
    if (label < 0 || (!needsBound(member) && !this.strict)) return 0;
    const start = sample.labels.quoteStart[label];
    const end = sample.labels.quoteEnd[label];
    const bound = this.#instances.bounds.id(text, start + 1, end);
    if (bound >= 0) return needsBound(member) ? bound : 0;
    if (this.strict && text.toString('latin1', start + 1, end).toLowerCase() === 'nan') {
      return needsBound(member) ? NOT_A_NUMBER : 0;
    }
    return sample.fail(`Expected a number as ${whichBound(member)}`, start);
  }
}

function needsBound({ role }: Member): boolean {
  return role === 'bucket' || role === 'quantile';
}

function whichBound({ family }: Member): string {
  return family.kind === 'histogram' ? 'le of a histogram bucket' : 'quantile of a summary';
}

function hasItsLabel(member: Member, sample: SampleLine, label: number): boolean {
  if (member.role === 'bare') {
    sample.fail('Expected _bucket, _sum or _count after the name of a histogram', sample.nameStart);
    return false;
  }
  if (label >= 0 || !needsBound(member)) return true;
  sample.fail(`Expected a label ${whichBound(member)}`, sample.nameStart);
  return false;
}

/** Whether the samples count observations of a histogram, and so cannot be negative. */
function isCount(member: Member): boolean {
  return member.family.kind === 'histogram' && (member.role === 'bucket' || member.role === 'count');
}

function hasPossibleCount(member: Member, text: Buffer, sample: SampleLine): boolean {
  if (text[sample.valueStart] !== MINUS || !isCount(member)) return true;
  if (parseNumber(text.toString('latin1', sample.valueStart, sample.valueEnd)) === 0) return true;
  sample.fail('Expected no negative count in a histogram', sample.valueStart);
  return false;
}
