/** One of the lines that blocks hold, taken apart. See block.ts and the parser for what they look like. */
export interface StoredLine {
  readonly name: string;
  /** In the order of the line. */
  readonly labels: ReadonlyArray<readonly [name: string, value: string]>;
  /** As it is stored: `+Inf`, `NaN`, `1e+06`, `3`. */
  readonly value: string;
  /** The native part of a histogram: protobuf fields, in base64. Only on its `_count`. */
  readonly native?: string;
}

const CLASSIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const VALUE = / ([^ ]+)/y;
const NATIVE = / #n ([A-Za-z0-9+/=]*)/;

/** Reads a line without its newline. Throws for one that no parser of ours has written. */
export function readStoredLine(line: string): StoredLine {
  const reader = new LineReader(line);
  let name = reader.take(CLASSIC_NAME);
  const labels: Array<readonly [string, string]> = [];
  if (reader.skip('{')) {
    while (!reader.skip('}')) {
      const key = reader.take(QUOTED) ?? reader.take(CLASSIC_NAME);
      if (key === undefined) throw reader.problem();
      const label = unescapeText(key);
      if (reader.skip('=')) {
        const value = reader.take(QUOTED);
        if (value === undefined) throw reader.problem();
        labels.push([label, unescapeText(value)]);
      } else {
        name = label;
      }
      reader.skip(',');
    }
  }
  const value = reader.take(VALUE);
  if (name === undefined || value === undefined) throw reader.problem();
  // Exemplars may hold anything in quotes, and come last.
  const native = NATIVE.exec(reader.rest.split(' # {', 1)[0] as string)?.[1];
  return { name, labels, value, ...(native !== undefined && { native }) };
}

class LineReader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  get rest(): string {
    return this.#line.slice(this.#at);
  }

  /** The first group of the pattern, or all of it. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#line);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  skip(character: string): boolean {
    if (this.#line[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  problem(): Error {
    return new Error(`a stored line cannot be read at character ${this.#at}`);
  }
}

function unescapeText(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, (_, c: string) => (c === 'n' ? '\n' : c)) : text;
}
