import {
  BACKSLASH,
  BLANK,
  CLOSE,
  COMMA,
  EQUALS,
  HASH,
  NEWLINE,
  OPEN,
  QUOTE,
} from '../../workers/exposition/character-classes.ts';

const LOWER_C = 0x63;

/** Offsets of one label in `StoredLine.labels`: of its name and of its value, without quotes and with escapes. */
export const LABEL_STRIDE = 4;

/**
 * Finds the parts of a stored line: name, labels, value, timestamp and extras. Lines are well-formed, since they were
 * when they were stored; they are not checked again. Everything is an offset into the text; -1 is for what is not there.
 */
export class StoredLine {
  start = 0;
  /** Of the metric name, without quotes. */
  nameStart = 0;
  nameEnd = 0;
  /** The labels without braces; equal if there are none. */
  labelsStart = 0;
  labelsEnd = 0;
  labelCount = 0;
  readonly labels: number[] = [];
  /** After the closing brace, or after the name. */
  seriesEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  timestampStart = -1;
  timestampEnd = -1;
  createdStart = -1;
  createdEnd = -1;
  nativeStart = -1;
  nativeEnd = -1;
  /** From its opening brace to the end of the line. */
  exemplarStart = -1;
  /** Of value or timestamp: what follows are extras. */
  plainEnd = 0;
  /** Of the newline. */
  end = 0;

  get hasQuotedName(): boolean {
    return this.nameStart > this.start;
  }

  /** @returns the offset of the next line */
  scan(text: Buffer, start: number): number {
    this.start = start;
    let i = start;
    if (text[i] === OPEN) {
      this.nameStart = i + 2;
      i = stringEnd(text, i + 2);
      this.nameEnd = i;
      i++;
      i = this.#scanLabels(text, text[i] === COMMA ? i + 1 : i);
    } else {
      this.nameStart = i;
      while (text[i] !== OPEN && text[i] !== BLANK) i++;
      this.nameEnd = i;
      if (text[i] === OPEN) {
        i = this.#scanLabels(text, i + 1);
      } else {
        this.labelCount = 0;
        this.labelsStart = i;
        this.labelsEnd = i;
      }
    }
    this.seriesEnd = i;
    this.valueStart = i + 1;
    i = wordEnd(text, i + 1);
    this.valueEnd = i;
    this.timestampStart = -1;
    if (text[i] === BLANK && text[i + 1] !== HASH) {
      this.timestampStart = i + 1;
      i = wordEnd(text, i + 1);
      this.timestampEnd = i;
    }
    this.plainEnd = i;
    i = this.#scanExtras(text, i);
    this.end = i;
    return i + 1;
  }

  /**
   * Finds the parts of the exemplar of the line that `of` has scanned: labels, value, and its timestamp, in seconds.
   */
  scanExemplar(text: Buffer, of: StoredLine): void {
    const i = this.#scanLabels(text, of.exemplarStart + 1);
    this.valueStart = i + 1;
    this.valueEnd = wordEnd(text, i + 1);
    this.timestampStart = text[this.valueEnd] === BLANK ? this.valueEnd + 1 : -1;
    this.timestampEnd = of.end;
  }

  /** @returns the offset after the closing brace */
  #scanLabels(text: Buffer, start: number): number {
    const labels = this.labels;
    let i = start;
    let n = 0;
    this.labelsStart = start;
    while (text[i] !== CLOSE) {
      if (text[i] === COMMA) i++;
      if (text[i] === QUOTE) {
        labels[n] = i + 1;
        i = stringEnd(text, i + 1);
        labels[n + 1] = i;
        i++;
      } else {
        labels[n] = i;
        while (text[i] !== EQUALS) i++;
        labels[n + 1] = i;
      }
      labels[n + 2] = i + 2;
      i = stringEnd(text, i + 2);
      labels[n + 3] = i;
      i++;
      n += LABEL_STRIDE;
    }
    this.labelCount = n / LABEL_STRIDE;
    this.labelsEnd = i;
    return i + 1;
  }

  #scanExtras(text: Buffer, start: number): number {
    this.createdStart = -1;
    this.nativeStart = -1;
    this.exemplarStart = -1;
    let i = start;
    while (text[i] !== NEWLINE) {
      const kind = text[i + 2];
      if (kind === BLANK) {
        this.exemplarStart = i + 3;
        i = text.indexOf(NEWLINE, i);
      } else if (kind === LOWER_C) {
        this.createdStart = i + 4;
        i = wordEnd(text, i + 4);
        this.createdEnd = i;
      } else {
        this.nativeStart = i + 4;
        i = wordEnd(text, i + 4);
        this.nativeEnd = i;
      }
    }
    return i;
  }
}

/** Whether the name that begins here is in quotes. */
export function isQuoted(text: Buffer, nameStart: number): boolean {
  return text[nameStart - 1] === QUOTE;
}

function stringEnd(text: Buffer, start: number): number {
  let i = start;
  while (text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i;
}

function wordEnd(text: Buffer, start: number): number {
  let i = start;
  while (text[i] !== BLANK && text[i] !== NEWLINE) i++;
  return i;
}

/** A quoted name or value without its escapes. */
export function unescapeText(text: Buffer, start: number, end: number): string {
  const raw = text.toString('utf8', start, end);
  return raw.includes('\\') ? raw.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)) : raw;
}

/** A name or value as it stands between quotes. */
export function escapeText(content: string): string {
  return content.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
