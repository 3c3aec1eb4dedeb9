import { formatBound, numberEnd, parseNumber } from './numbers.ts';

/** Beyond so many bounds all are forgotten, between two blocks. */
const MAX_BOUNDS = 4096;

/** Longer spellings are not kept: nobody writes them but to fill the memory. */
const MAX_SPELLING = 32;

/** The upper bounds and quantiles of the instances that are being read: each different spelling is examined once. */
export class Bounds {
  readonly values: number[] = [];
  /** Rendered as Go does, so that the same bound always looks the same. */
  readonly texts: Buffer[] = [];
  #ids = new Map<string, number>();

  /** Only when no id that was given out is needed any more. */
  trim(): void {
    if (this.values.length <= MAX_BOUNDS) return;
    this.#ids = new Map();
    this.values.length = 0;
    this.texts.length = 0;
  }

  /** The id of the bound that stands at `text[start, end)`, or -1 if that is no number. */
  id(text: Buffer, start: number, end: number): number {
    const spelling = text.toString('latin1', start, end);
    const known = this.#ids.get(spelling);
    if (known !== undefined) return known;
    if (numberEnd(text, start, end) !== end) return -1;
    const value = parseNumber(spelling);
    if (Number.isNaN(value)) return -1;
    const id = this.values.push(value) - 1;
    this.texts.push(Buffer.from(formatBound(value)));
    if (spelling.length <= MAX_SPELLING) this.#ids.set(spelling, id);
    return id;
  }
}
