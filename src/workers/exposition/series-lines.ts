import { KIB } from '../../units.ts';
import type { SeriesHash } from '../identity.ts';
import type { CanonicalLine } from './canonical-line.ts';
import { BLANK, CLOSE, COMMA, NEWLINE, OPEN, QUOTE } from './character-classes.ts';
import { type EntryList, SCRATCH } from './entry-list.ts';
import type { GroupLabels } from './group-labels.ts';
import { LabelMerge } from './label-merge.ts';
import type { SampleLine } from './sample-line.ts';
import { Scratch } from './scratch.ts';

/** From so much on it can be told from what is rendered how much that will be in the end, and some more. */
const SAMPLE_BYTES = 256 * KIB;
const MARGIN = 1.05;

/** To find out where the labels of the group go takes as long as some lines do that are rendered without it. */
const FEW_LINES = 4;

/** Renders the lines of plain series that cannot be stored as they stand, and adds them to the entries. */
export class SeriesLines {
  #group: GroupLabels | undefined;
  /** For the lines whose label names have this number. */
  #merge: LabelMerge | undefined;
  #merged = -1;
  readonly #entries: EntryList;
  readonly #hash: SeriesHash;
  readonly #out: Scratch;
  /** Labels of the body before those of the group are set. */
  readonly #labels = new Scratch();

  constructor(entries: EntryList, hash: SeriesHash, out: Scratch) {
    this.#entries = entries;
    this.#hash = hash;
    this.#out = out;
  }

  /** @param group set on every series */
  begin(group: GroupLabels | undefined): void {
    this.#group = group;
    this.#merge = undefined;
  }

  /** Adds a canonical line with the labels of the group. */
  addCanonical(
    family: number,
    text: Buffer,
    nameStart: number,
    nameEnd: number,
    canonical: CanonicalLine,
    group: GroupLabels,
    line: number,
  ): void {
    const out = this.#out;
    const start = out.length;
    const { valueStart, valueEnd } = canonical;
    if (canonical.isLikeBefore && canonical.places.followed >= FEW_LINES) {
      const { places, labelsEnd } = canonical;
      if (this.#merge === undefined || this.#merged !== places.names) {
        this.#merge = new LabelMerge(group, text, places);
        this.#merged = places.names;
      }
      const lineEnd = valueEnd + 1;
      const length = lineEnd - nameStart + this.#merge.length;
      if (!out.hasRoom(length)) this.#grow(length, text.length / nameStart);
      this.#merge.write(out, places, nameStart, lineEnd);
      this.#hash.hash(out.bytes, start + nameEnd - nameStart + 1, out.length - (lineEnd - labelsEnd));
      this.#add(family, start, line, group.features);
      return;
    }
    out.reserve(nameEnd - nameStart + 1);
    out.copy(text, nameStart, nameEnd);
    out.byte(OPEN);
    const labelsStart = out.length;
    group.write(out, text, canonical.labelsStart, canonical.labelsEnd);
    this.#hash.hash(out.bytes, labelsStart, out.length);
    out.reserve(valueEnd - valueStart + 3);
    out.byte(CLOSE);
    out.byte(BLANK);
    out.copy(text, valueStart, valueEnd);
    out.byte(NEWLINE);
    this.#add(family, start, line, group.features);
  }

  /** @param parts how many times as much there will be in the end, if it goes on like this */
  #grow(bytes: number, parts: number): void {
    const out = this.#out;
    if (out.length < SAMPLE_BYTES) {
      out.grow(bytes);
      return;
    }
    out.grow(bytes, Math.ceil(out.length * parts * MARGIN));
    this.#entries.reserve(Math.ceil(this.#entries.count * parts * MARGIN));
  }

  /** Adds a line of any form. */
  add(family: number, text: Buffer, sample: SampleLine, line: number): void {
    const out = this.#out;
    const start = out.length;
    out.reserve(sample.nameEnd - sample.nameStart + 4);
    if (sample.nameQuoted) {
      out.byte(OPEN);
      out.byte(QUOTE);
    }
    out.copy(text, sample.nameStart, sample.nameEnd);
    if (sample.nameQuoted) out.byte(QUOTE);
    const nameEnd = out.length;
    out.byte(sample.nameQuoted ? COMMA : OPEN);
    this.#writeLabels(out, sample);
    this.#hash.hash(out.bytes, nameEnd + 1, out.length);
    const hasLabels = out.length > nameEnd + 1;
    if (!hasLabels) out.length = nameEnd;
    out.reserve(sample.valueEnd - sample.valueStart + 3);
    if (hasLabels || sample.nameQuoted) out.byte(CLOSE);
    out.byte(BLANK);
    out.copy(text, sample.valueStart, sample.valueEnd);
    sample.writeTail(out);
    out.reserve(1);
    out.byte(NEWLINE);
    this.#add(family, start, line, sample.features() | (this.#group?.features ?? 0));
  }

  /** The labels of a line as they are stored, for a message. */
  labelText(sample: SampleLine): string {
    const labels = new Scratch();
    this.#writeLabels(labels, sample);
    return labels.bytes.toString('utf8', 0, labels.length);
  }

  #writeLabels(to: Scratch, sample: SampleLine): void {
    if (this.#group === undefined) {
      sample.labels.write(to, -1);
      return;
    }
    const labels = this.#labels;
    labels.length = 0;
    sample.labels.write(labels, -1, true);
    this.#group.write(to, labels.bytes, 0, labels.length);
  }

  #add(family: number, start: number, line: number, features: number): void {
    const { hi, lo } = this.#hash;
    const end = SCRATCH + this.#out.length;
    const entry = this.#entries.add(family, hi, lo, SCRATCH + start, end, line, 1);
    this.#entries.features[entry] = features;
  }
}
