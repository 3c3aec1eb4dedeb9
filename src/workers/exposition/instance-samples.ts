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

/** The label of a histogram or summary line that is no part of its identity. */
export function boundLabel(kind: FamilyKind): Buffer | undefined {
  if (kind === 'plain') return undefined;
  return kind === 'histogram' ? LE : QUANTILE;
}

/** Takes the sample lines of histograms and summaries, if they say what such a line has to. */
export class InstanceSamples {
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
    } else if (role === 'bare') {
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
    const labelled = label === undefined ? -1 : sample.indexOf(label);
    // Such a line is no part of an instance, and leaves none incomplete.
    if (!hasItsLabel(member, sample, labelled)) return false;
    const family = this.#families.indexOf(member, line);
    const instance = this.#instances.locateLine(sample, labelled, family, line);
    const bound = this.#bound(member, text, sample, labelled);
    if (bound < 0 || !sample.scanValue(end, policy) || !hasPossibleCount(member, text, sample)) {
      this.#instances.damage(instance);
      return false;
    }
    const { valueStart, valueEnd, timestampStart, timestampEnd } = sample;
    this.#instances.add(instance, member.role, bound, valueStart, valueEnd, timestampStart, timestampEnd);
    return true;
  }

  /** The id of the sample's bound; 0 if it needs none, -1 if it is no number. */
  #bound(member: Member, text: Buffer, sample: SampleLine, label: number): number {
    if (!needsBound(member)) return 0;
    const start = sample.quoteStart[label];
    const bound = this.#instances.bounds.id(text, start + 1, sample.quoteEnd[label]);
    return bound < 0 ? sample.fail(`Expected a number as ${whichBound(member)}`, start) : bound;
  }
}

function needsBound({ role }: Member): boolean {
  return role === 'bucket' || role === 'quantile';
}

function whichBound({ role }: Member): string {
  return role === 'bucket' ? 'le of a histogram bucket' : 'quantile of a summary';
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
