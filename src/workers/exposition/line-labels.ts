import { COMMA, EQUALS, QUOTE, UNDERSCORE } from './character-classes.ts';
import { compareNames, isLabelName, unescapeQuoted } from './names.ts';
import type { Scratch } from './scratch.ts';

export const MAX_LABELS = 1000;

/** Up to here insertion sort is the fastest; beyond it, it would be quadratic. */
const SMALL = 16;

const RESERVED_NAME = Buffer.from('__name__');

/**
 * The labels of one sample line, as offsets into its text: label i has the name `[nameStart[i], nameEnd[i])`, which is
 * without quotes, and the value between the quotes at `quoteStart[i]` and `quoteEnd[i]`, both still escaped.
 */
export class LineLabels {
  count = 0;
  readonly nameStart = new Int32Array(MAX_LABELS);
  readonly nameEnd = new Int32Array(MAX_LABELS);
  /** 1 if the name needs its quotes; says nothing if none does. */
  readonly #nameQuoted = new Uint8Array(MAX_LABELS);
  readonly quoteStart = new Int32Array(MAX_LABELS);
  readonly quoteEnd = new Int32Array(MAX_LABELS);

  /** The labels in order of their names. */
  readonly #order = new Int32Array(MAX_LABELS);
  #text: Buffer = Buffer.alloc(0);
  #quotedNames = false;
  readonly #compare = (a: number, b: number): number => this.#compareNames(a, b);

  reset(text: Buffer): void {
    this.#text = text;
    this.count = 0;
    this.#quotedNames = false;
  }

  /** Takes the name of the next label. */
  begin(start: number, end: number): void {
    this.nameStart[this.count] = start;
    this.nameEnd[this.count] = end;
    if (this.#quotedNames) this.#nameQuoted[this.count] = 0;
  }

  /** Takes the name of the next label, which stands in quotes. */
  beginQuoted(start: number, end: number): void {
    this.begin(start, end);
    if (isLabelName(this.#text, start, end)) return;
    if (!this.#quotedNames) this.#nameQuoted.fill(0, 0, this.count);
    this.#quotedNames = true;
    this.#nameQuoted[this.count] = 1;
  }

  /** Whether the name that was taken last is that of the label for the metric name. */
  isReserved(): boolean {
    return this.#isNamed(this.count, RESERVED_NAME);
  }

  /** Takes the value of the label whose name was taken last, which is then complete. */
  finish(quoteStart: number, quoteEnd: number): void {
    this.quoteStart[this.count] = quoteStart;
    this.quoteEnd[this.count] = quoteEnd;
    this.count++;
  }

  /** Brings the labels in order. @returns the index of one whose name another has too, or -1 */
  sort(): number {
    const n = this.count;
    const order = this.#order;
    for (let i = 0; i < n; i++) order[i] = i;
    if (n > SMALL) {
      order.subarray(0, n).sort(this.#compare);
    } else {
      for (let i = 1; i < n; i++) {
        const label = order[i];
        let to = i;
        for (; to > 0 && this.#compareNames(order[to - 1], label) > 0; to--) order[to] = order[to - 1];
        order[to] = label;
      }
    }
    for (let i = 1; i < n; i++) {
      if (this.#compareNames(order[i - 1], order[i]) === 0) return order[i];
    }
    return -1;
  }

  /** The index of the label of this name, or -1. */
  indexOf(name: Uint8Array): number {
    for (let i = 0; i < this.count; i++) {
      if (this.#isNamed(i, name)) return i;
    }
    return -1;
  }

  /** The index of a label whose name begins with `__`, or -1. */
  reserved(): number {
    for (let i = 0; i < this.count; i++) {
      const start = this.nameStart[i];
      if (this.#text[start] === UNDERSCORE && this.#text[start + 1] === UNDERSCORE) {
        if (this.nameEnd[i] - start > 1) return i;
      }
    }
    return -1;
  }

  nameOf(label: number): string {
    return unescapeQuoted(this.#text, this.nameStart[label], this.nameEnd[label]);
  }

  /** Whether any name needs its quotes. */
  anyQuoted(): boolean {
    return this.#quotedNames;
  }

  /**
   * Appends the canonical form of the labels, which is what identity is made of: in order of their names, without
   * blanks.
   *
   * @param except the index of a label to leave out, or -1
   * @param keepEmpty whether empty ones stay; to Prometheus these are as good as absent
   */
  write(to: Scratch, except: number, keepEmpty = false): void {
    const text = this.#text;
    const start = to.length;
    const { nameStart, nameEnd, quoteStart, quoteEnd, count } = this;
    if (count > 0) to.reserve(quoteEnd[count - 1] - nameStart[0] + count + 2);
    for (let n = 0; n < count; n++) {
      const i = this.#order[n];
      if (i === except || (!keepEmpty && quoteStart[i] + 1 === quoteEnd[i])) continue;
      if (to.length > start) to.byte(COMMA);
      const isQuoted = this.#quotedNames && this.#nameQuoted[i] === 1;
      if (isQuoted) to.byte(QUOTE);
      to.copy(text, nameStart[i], nameEnd[i]);
      if (isQuoted) to.byte(QUOTE);
      to.byte(EQUALS);
      to.copy(text, quoteStart[i], quoteEnd[i] + 1);
    }
  }

  #compareNames(a: number, b: number): number {
    const text = this.#text;
    const startA = this.nameStart[a];
    const startB = this.nameStart[b];
    const endA = this.nameEnd[a];
    const endB = this.nameEnd[b];
    // Hardly ever; the loop below is in the way of every line that has to be put in order.
    if (this.#quotedNames) {
      return compareNames(text, startA, endA, text, startB, endB);
    }
    const shorter = Math.min(endA - startA, endB - startB);
    for (let i = 0; i < shorter; i++) {
      const difference = text[startA + i] - text[startB + i];
      if (difference !== 0) return difference;
    }
    return endA - startA - (endB - startB);
  }

  #isNamed(label: number, name: Uint8Array): boolean {
    const start = this.nameStart[label];
    if (this.nameEnd[label] - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      if (this.#text[start + i] !== name[i]) return false;
    }
    return true;
  }
}
