import { SelectorError } from './selector-error.ts';

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

const BYTES = /\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2}))/y;
const CODE_POINT = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
const BLANKS = /(?:[ \t\r\n]|#[^\n]*)*/y;

/** Reads the tokens of a selector one after another; blanks and comments between them do not matter. */
export class SelectorScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipBlanks();
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** What the pattern (sticky) matches here, or undefined. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    this.#skipBlanks();
    return found;
  }

  takeString(): string | undefined {
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'" && quote !== '`') return undefined;
    const value = quote === '`' ? this.#rawString() : this.#quotedString(quote);
    this.#skipBlanks();
    return value;
  }

  /** What is wrong here, where `wanted` should be. */
  problem(wanted: string): SelectorError {
    const found = this.atEnd
      ? 'it ends'
      : `there is ${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))}`;
    return new SelectorError(
      `${JSON.stringify(this.#text.slice(0, 200))} is not a selector: ${found} where ${wanted} should be`,
    );
  }

  #rawString(): string {
    const end = this.#text.indexOf('`', this.#at + 1);
    if (end < 0) throw this.#unfinished();
    const value = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return value;
  }

  // Bytes, since \x and octal escapes give bytes, of which several may make a character.
  #quotedString(quote: string): string {
    const parts: Buffer[] = [];
    let i = this.#at + 1;
    for (;;) {
      const start = i;
      while (
        i < this.#text.length &&
        this.#text[i] !== quote &&
        this.#text[i] !== '\\' &&
        this.#text[i] !== '\n'
      )
        i++;
      if (i > start) parts.push(Buffer.from(this.#text.slice(start, i)));
      if (this.#text[i] === quote) break;
      if (this.#text[i] !== '\\') throw this.#unfinished();
      const [bytes, length] = this.#escape(i);
      parts.push(bytes);
      i += length;
    }
    this.#at = i + 1;
    return Buffer.concat(parts).toString();
  }

  #escape(at: number): [Buffer, number] {
    BYTES.lastIndex = at;
    const byte = BYTES.exec(this.#text);
    if (byte) {
      const [whole, hex, octal] = byte;
      return [
        Buffer.from([hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16)]),
        whole.length,
      ];
    }
    CODE_POINT.lastIndex = at;
    const point = CODE_POINT.exec(this.#text);
    if (point) {
      const code = Number.parseInt(point[1] ?? point[2], 16);
      if (code <= 0x10ffff) return [Buffer.from(String.fromCodePoint(code)), point[0].length];
    }
    const simple = SIMPLE_ESCAPES[this.#text[at + 1]];
    if (simple === undefined) {
      throw new SelectorError(
        `a string has the unknown escape ${JSON.stringify(this.#text.slice(at, at + 2))}; a backslash is written twice`,
      );
    }
    return [Buffer.from(simple), 2];
  }

  #unfinished(): SelectorError {
    return new SelectorError(`${JSON.stringify(this.#text.slice(0, 200))} has a string that does not end`);
  }

  #skipBlanks(): void {
    BLANKS.lastIndex = this.#at;
    BLANKS.exec(this.#text);
    this.#at = BLANKS.lastIndex;
  }
}
