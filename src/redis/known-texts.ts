/** So many texts may be known at a time, each at the place that its hash tells: the next one there takes it. */
const PLACES = 4096;
/** Longer ones are made each time. */
const LONGEST = 128;

/**
 * Strings of texts that come again and again: names, types and help texts are the same in each push. To find one takes 1 to
 * 2 ns a byte; to make one takes 200 ns, and the hash of it, for maps, is to be worked out again. Also, two that are found
 * are one object, which maps compare at once.
 */
export class KnownTexts {
  readonly #texts: string[] = new Array(PLACES).fill('');
  /** The lines of a family follow each other. */
  #last = '';

  /** `text[start, end)`, which is in ASCII or else in this encoding. */
  find(text: Buffer, start: number, end: number, encoding: 'latin1' | 'utf8'): string {
    if (end - start > LONGEST) return text.toString(encoding, start, end);
    if (isSame(this.#last, text, start, end)) return this.#last;
    let hash = 0;
    for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + text[i];
    const place = (hash ^ (hash >>> 12)) & (PLACES - 1);
    let known = this.#texts[place];
    if (!isSame(known, text, start, end)) {
      known = text.toString(encoding, start, end);
      this.#texts[place] = known;
    }
    this.#last = known;
    return known;
  }
}

/** False for a text that is not in ASCII. */
function isSame(known: string, text: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = start, j = 0; i < end; i++, j++) {
    const byte = text[i];
    if (byte > 0x7f || byte !== known.charCodeAt(j)) return false;
  }
  return true;
}

/** Of a thread. */
export const knownNames = new KnownTexts();
export const knownWords = new KnownTexts();
export const knownHelps = new KnownTexts();
