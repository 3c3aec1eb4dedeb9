import { endsBlock, type FamilyKind, type SeriesHash } from '../identity.ts';
import { HASH, skipBlanks } from './character-classes.ts';
import { CommentLine, type MetricType } from './comment-line.ts';
import { membership, type Role } from './families.ts';
import { boundLabel } from './instance-samples.ts';
import { SampleLine } from './sample-line.ts';
import { Scratch } from './scratch.ts';

/** Where a body may be cut, from the best place to the worst. */
export const CUT_BOUNDARY = 3;
export const CUT_ENTRY = 2;
export const CUT_DOUBTFUL = 1;
export const CUT_NEVER = 0;

export interface Types {
  kindOf(name: string): FamilyKind | undefined;
  declare(name: string, type: MetricType): void;
}

/** Lines of an instance that have been seen, as bits. */
const SEEN: Readonly<Record<Role, number>> = { series: 0, bare: 0, quantile: 0, bucket: 1, sum: 2, count: 4 };
const WHOLE: Readonly<Record<FamilyKind, number>> = { plain: 0, histogram: 7, summary: 6 };

/**
 * Tells between which lines a body may be cut into blocks. It looks at the same lines in the same way as the parser, so
 * that a cut is where the parser would end a stored block anyway: after an entry whose hash says so, or where another
 * family begins; and not within a histogram or summary. This depends on names and labels alone, so the same series
 * pushed again are cut alike.
 */
export class CutFinder {
  readonly #hash: SeriesHash;
  readonly #types: Types;
  readonly #sample = new SampleLine();
  readonly #comment = new CommentLine();
  readonly #labels = new Scratch();

  /** The entry that the lines up to here belong to; no family if nothing is known of them. */
  #family: string | undefined;
  #kind: FamilyKind = 'plain';
  #hi = 0;
  #lo = 0;
  #seen = 0;

  constructor(hash: SeriesHash, types: Types) {
    this.#hash = hash;
    this.#types = types;
  }

  /** Forgets the lines that it has seen. */
  reset(): void {
    this.#family = undefined;
    this.#kind = 'plain';
    this.#seen = 0;
  }

  /**
   * Looks at the next line, and takes note of the type that it may declare, unless it is at a boundary.
   *
   * @returns how well the body may be cut before this line
   */
  look(text: Buffer, start: number, end: number): number {
    const first = skipBlanks(text, start, end);
    if (first < end && text[first] === HASH) return this.#lookAtComment(text, first, end);
    return first < end && this.#sample.scanName(text, first, end) && this.#sample.scanLabels(end)
      ? this.#lookAtSample()
      : this.#beforeOther();
  }

  #lookAtComment(text: Buffer, start: number, end: number): number {
    const comment = this.#comment;
    if (!comment.scan(text, start, end) || comment.keyword === undefined) return this.#beforeOther();
    const { family } = membership(comment.name, this.#kindOf);
    const cut = family === this.#family ? this.#beforeOther() : this.#beforeFamily();
    if (cut === CUT_BOUNDARY) return cut;
    const type = comment.keyword === 'TYPE' ? comment.type(text) : undefined;
    if (type !== undefined) this.#types.declare(comment.name, type);
    return cut;
  }

  #lookAtSample(): number {
    const sample = this.#sample;
    const { family, kind, role } = membership(sample.name(), this.#kindOf);
    const label = boundLabel(kind);
    this.#labels.length = 0;
    sample.labels.write(this.#labels, label === undefined ? -1 : sample.labels.indexOf(label));
    this.#hash.hash(this.#labels.bytes, 0, this.#labels.length);
    const { hi, lo } = this.#hash;

    const isSame = family === this.#family && kind === this.#kind && hi === this.#hi && lo === this.#lo;
    let cut = CUT_NEVER;
    if (family !== this.#family) cut = this.#beforeFamily();
    else if (!isSame || kind === 'plain') cut = this.#beforeEntry();
    this.#family = family;
    this.#kind = kind;
    this.#hi = hi;
    this.#lo = lo;
    this.#seen = (isSame ? this.#seen : 0) | SEEN[role];
    return cut;
  }

  /** Before a line of another family, or one that announces it. */
  #beforeFamily(): number {
    if (this.#family === undefined) return CUT_NEVER;
    return this.#isWhole() ? CUT_BOUNDARY : CUT_DOUBTFUL;
  }

  /** Before another entry of the same family. */
  #beforeEntry(): number {
    if (!this.#isWhole()) return CUT_DOUBTFUL;
    return endsBlock(this.#lo, this.#kind) ? CUT_BOUNDARY : CUT_ENTRY;
  }

  /** Before a line that belongs to no entry: more lines of the same histogram may follow it. */
  #beforeOther(): number {
    return this.#family !== undefined && this.#kind === 'plain' ? this.#beforeEntry() : CUT_NEVER;
  }

  #isWhole(): boolean {
    const needed = WHOLE[this.#kind];
    return (this.#seen & needed) === needed;
  }

  readonly #kindOf = (name: string): FamilyKind | undefined => this.#types.kindOf(name);
}
