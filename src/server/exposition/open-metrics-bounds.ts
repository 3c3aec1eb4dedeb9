import {
  BLANK,
  COMMA,
  DOT,
  EQUALS,
  NEWLINE,
  OPEN,
  QUOTE,
} from '../../workers/exposition/character-classes.ts';
import { ByteWriter } from './byte-writer.ts';

const LOWER_E = 0x65;
const LOWER_F = 0x66;
const UPPER_N = 0x4e;
const POINT_ZERO = Buffer.from('.0"');

/** Whether a bound has to get a `.0`: OpenMetrics has them as floats, so `1` is `1.0`. */
export function isWhole(text: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = text[i];
    // e of an exponent; the f of +Inf, the N of NaN.
    if (byte === DOT || byte === LOWER_E || byte === LOWER_F || byte === UPPER_N) return false;
  }
  return true;
}

/**
 * Makes floats of the bounds in lines of histograms or summaries that have neither timestamps nor extras nor quoted
 * names. Each line is looked at from its end, so that most of it is copied unseen.
 */
export class BoundRewriter {
  readonly #label: Buffer;
  readonly #out = new ByteWriter();

  constructor(label: 'le' | 'quantile') {
    this.#label = Buffer.from(label);
  }

  rewrite(text: Buffer): Buffer {
    const out = this.#out;
    let copied = 0;
    for (let newline = text.indexOf(NEWLINE); newline >= 0; newline = text.indexOf(NEWLINE, newline + 1)) {
      const end = this.#wholeBoundEnd(text, newline);
      if (end < 0) continue;
      out.copy(text, copied, end);
      out.copy(POINT_ZERO, 0, POINT_ZERO.length);
      copied = end + 1;
    }
    if (copied === 0) return text;
    out.copy(text, copied, text.length);
    return out.take();
  }

  /** The offset of the closing quote of a bound that needs a `.0`, in the line that ends here; or -1. */
  #wholeBoundEnd(text: Buffer, newline: number): number {
    let end = newline - 1;
    while (end >= 0 && text[end] !== BLANK) end--;
    // A blank, a brace and the quote; without labels there is no bound.
    end -= 2;
    if (end < 0 || text[end] !== QUOTE) return -1;
    let start = end - 1;
    while (text[start] !== QUOTE) start--;
    if (!this.#isNamedBefore(text, start) || !isWhole(text, start + 1, end)) return -1;
    return end;
  }

  #isNamedBefore(text: Buffer, quote: number): boolean {
    const label = this.#label;
    const at = quote - 1 - label.length;
    if (text[quote - 1] !== EQUALS || (text[at - 1] !== COMMA && text[at - 1] !== OPEN)) return false;
    for (let i = 0; i < label.length; i++) if (text[at + i] !== label[i]) return false;
    return true;
  }
}
