import { CLOSE, COMMA, LABEL_VALUE, QUOTE } from './character-classes.ts';
import { MAX_LABELS } from './line-labels.ts';
import { viewOf } from './scratch.ts';

/**
 * Where the labels of the line before are. Most lines have the labels of the line before, and most of their values or at
 * least how these begin: what is equal byte for byte has been examined. So only those values have to be looked at from
 * where they differ on.
 */
export class LabelPlaces {
  count = 0;
  /** Of each label, the offset of its name, and of its value after the quote. */
  readonly start = new Int32Array(MAX_LABELS);
  readonly valueStart = new Int32Array(MAX_LABELS);
  /** The offset of the closing brace. */
  end = 0;
  /** The index of the label that tells the lines of an instance apart, or -1. */
  bound = -1;
  /** Another number for each line that is not like the one before. */
  names = 0;
  /** So many lines in a row have been followed. */
  followed = 0;
  view: DataView = new DataView(new ArrayBuffer(0));

  #boundName: Uint8Array | undefined;

  begin(text: Buffer): void {
    this.view = viewOf(text);
    this.clear();
  }

  /** There is no line to follow any more; a new one may be entered. */
  clear(): void {
    this.count = 0;
    this.bound = -1;
  }

  /** Takes a line whose labels have been entered. One with a backslash is none to follow: a difference may be escaped. */
  finish(count: number, end: number, boundName: Uint8Array | undefined, isEscaped: boolean): void {
    this.count = isEscaped ? 0 : count;
    this.end = end;
    this.names++;
    this.followed = 0;
    this.#boundName = boundName;
  }

  /**
   * Moves on to the line whose labels begin at `at`, if it has the same names in canonical form and no backslash.
   *
   * @returns the offset of its closing brace, or -1: then there is no line to follow any more, or there never was
   */
  follow(text: Buffer, at: number, boundName: Uint8Array | undefined): number {
    const { count, start, valueStart, end } = this;
    if (count === 0 || boundName !== this.#boundName) return -1;
    const { view } = this;
    const last = count - 1;
    const lastWord = view.byteLength - 4;
    let i = at;
    let before = start[0];
    for (let label = 0; ; ) {
      const shift = i - before;
      let difference = 0;
      for (; before + 4 <= end && i <= lastWord; before += 4, i += 4) {
        difference = view.getInt32(i, true) ^ view.getInt32(before, true);
        if (difference !== 0) break;
      }
      if (difference !== 0) {
        const equal = (31 - Math.clz32(difference & -difference)) >> 3;
        i += equal;
        before += equal;
      } else {
        while (before < end && text[i] === text[before]) {
          i++;
          before++;
        }
      }
      for (; label < last && before >= start[label + 1]; label++) {
        start[label] += shift;
        valueStart[label] += shift;
      }
      start[label] += shift;
      // In a name, or between labels: not the same names.
      if (before < valueStart[label]) break;
      valueStart[label] += shift;
      if (before === end && label === last) {
        if (text[i] !== CLOSE) break;
        this.end = i;
        this.followed++;
        return i;
      }
      if (label < last ? before === start[label + 1] - 1 : before === end) break;
      while (LABEL_VALUE[text[i]] === 1) i++;
      if (text[i] !== QUOTE || i === valueStart[label]) break;
      i++;
      if (label === last) {
        if (text[i] !== CLOSE) break;
        this.end = i;
        this.followed++;
        return i;
      }
      if (text[i] !== COMMA) break;
      i++;
      before = start[++label];
    }
    this.clear();
    return -1;
  }
}

/** Whether the bytes at `before` stand at `at` again. */
export function isRepeated(text: DataView, before: number, at: number, length: number): boolean {
  if (at + length > text.byteLength) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (text.getInt32(before + i, true) !== text.getInt32(at + i, true)) return false;
  }
  for (; i < length; i++) if (text.getUint8(before + i) !== text.getUint8(at + i)) return false;
  return true;
}
