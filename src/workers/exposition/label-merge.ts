import type { GroupLabels } from './group-labels.ts';
import type { LabelPlaces } from './label-places.ts';
import { type Scratch, viewOf } from './scratch.ts';

/** What comes between two runs of a line's own labels. */
interface Insert {
  /** The labels of the line from `cut` to `resume` are left out; both may be the number of labels. */
  readonly cut: number;
  readonly resume: number;
  /** Where it lies in the bytes of all. */
  readonly start: number;
  readonly end: number;
}

/**
 * Where the labels of a group go among those of lines that have the same names. Found once for all of these, so that a
 * line is copied in a few long runs: that takes a third of the time of going through its labels.
 */
export class LabelMerge {
  /** How much longer it makes a line at most. */
  readonly length: number;
  readonly #inserts: readonly Insert[];
  readonly #view: DataView;

  /** @param text has the labels at `places`, at least one */
  constructor(group: GroupLabels, text: Uint8Array, places: LabelPlaces) {
    const inserts: Insert[] = [];
    const bytes: Buffer[] = [];
    let length = 0;
    let cut = 0;
    let labels: Buffer[] = [];
    const finish = (resume: number): void => {
      if (labels.length > 0) {
        const isLast = resume === places.count;
        const all = `${isLast && cut === resume ? ',' : ''}${labels.join(',')}${isLast ? '' : ','}`;
        const start = length;
        length += bytes[bytes.push(Buffer.from(all)) - 1].length;
        inserts.push({ cut, resume, start, end: length });
      }
      labels = [];
      cut = resume + 1;
    };
    group.forEachInOrder(text, places, (own, label) => {
      if (label === undefined) finish(own);
      else labels.push(label);
    });
    finish(places.count);
    this.length = length;
    this.#inserts = inserts;
    this.#view = viewOf(Buffer.concat(bytes));
  }

  /** Appends a line with all labels, from `start` to `end`. Its own labels are at `places`. */
  write(to: Scratch, places: LabelPlaces, start: number, end: number): void {
    const { count, view } = places;
    let at = start;
    const inserts = this.#inserts;
    for (let i = 0; i < inserts.length; i++) {
      const { cut, resume, start: from, end: until } = inserts[i];
      to.copyRun(view, at, cut < count ? places.start[cut] : places.end);
      to.copyRun(this.#view, from, until);
      at = resume < count ? places.start[resume] : places.end;
    }
    to.copyRun(view, at, end);
  }
}
