import {
  BACKSLASH,
  HASH,
  isBlank,
  LOWER_N,
  METRIC_NAME,
  METRIC_NAME_START,
  NEWLINE,
  QUOTE,
  skipBlanks,
} from './character-classes.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

const TYPES: ReadonlySet<string> = new Set<MetricType>([
  'counter',
  'gauge',
  'histogram',
  'summary',
  'untyped',
]);

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const HELP = Buffer.from('HELP');
const TYPE = Buffer.from('TYPE');

/**
 * A line that begins with `#`. It says something if `keyword` is set after the scan: HELP and TYPE with a name and
 * something after it; whatever else stands in a comment means nothing and is no mistake.
 */
export class CommentLine {
  keyword: 'HELP' | 'TYPE' | undefined;
  name = '';
  textStart = 0;
  textEnd = 0;
  /** What is wrong, as a sentence without its end, and where; set when a method has returned false or undefined. */
  problem = '';
  problemAt = 0;

  /** @param start the offset of the `#` */
  scan(text: Buffer, start: number, end: number): boolean {
    this.keyword = undefined;
    let i = skipBlanks(text, start + 1, end);
    const keyword = startsWith(text, i, end, HELP)
      ? 'HELP'
      : startsWith(text, i, end, TYPE)
        ? 'TYPE'
        : undefined;
    if (keyword === undefined || i + 4 === end || !isBlank(text[i + 4])) return true;

    const nameStart = skipBlanks(text, i + 4, end);
    if (nameStart === end) return true;
    i = nameStart;
    if (METRIC_NAME_START[text[i]] === 1) {
      while (i < end && METRIC_NAME[text[i]] === 1) i++;
    }
    if (i === nameStart || (i < end && !isBlank(text[i]))) {
      return this.fail(`Expected a metric name after ${keyword}`, nameStart);
    }
    this.textStart = skipBlanks(text, i, end);
    this.textEnd = end;
    if (this.textStart === end) return true;
    this.name = text.toString('latin1', nameStart, i);
    this.keyword = keyword;
    return true;
  }

  /** The type that a TYPE line declares, or undefined for an unknown one. */
  type(text: Buffer): MetricType | undefined {
    let end = this.textEnd;
    while (isBlank(text[end - 1])) end--;
    const word = text.toString('latin1', this.textStart, Math.min(end, this.textStart + 32)).toLowerCase();
    if (isMetricType(word)) return word;
    this.fail('Expected counter, gauge, histogram, summary or untyped as type', this.textStart);
    return undefined;
  }

  /**
   * The text of a HELP line as it may stand in an exposition, still escaped. A quote may be escaped, as in OpenMetrics,
   * but comes back without its backslash: older parsers of this format refuse it otherwise.
   *
   * @returns undefined for an unknown escape
   */
  help(text: Buffer): string | undefined {
    let quotes = false;
    for (let i = this.textStart; i < this.textEnd; i++) {
      if (text[i] !== BACKSLASH) continue;
      i++;
      const escaped = text[i];
      if (i === this.textEnd || (escaped !== BACKSLASH && escaped !== LOWER_N && escaped !== QUOTE)) {
        this.fail('Expected no escape but \\\\ and \\n in a help text', i - 1);
        return undefined;
      }
      quotes ||= escaped === QUOTE;
    }
    const help = text.toString('utf8', this.textStart, this.textEnd);
    return quotes ? help.replace(/\\(.)/g, (pair, escaped) => (escaped === '"' ? '"' : pair)) : help;
  }

  /** The name as it may stand in a message. */
  shownName(): string {
    return this.name.length <= 80 ? this.name : `${this.name.slice(0, 79)}…`;
  }

  /** Notes what is wrong with the line. */
  fail(problem: string, at: number): false {
    this.problem = problem;
    this.problemAt = at;
    return false;
  }
}

/** Length of a byte order mark at the start of the text: some editors on Windows leave one there. */
export function byteOrderMarkLength(text: Uint8Array): number {
  return startsWith(text, 0, text.length, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
}

/**
 * Calls `visit` for every well-formed TYPE line, without looking at the other lines: the server does this with all that
 * it passes on.
 */
export function forEachType(text: Buffer, visit: (name: string, type: MetricType) => void): void {
  const first = byteOrderMarkLength(text);
  const line = new CommentLine();
  for (let at = text.indexOf(TYPE); at >= 0; at = text.indexOf(TYPE, at + TYPE.length)) {
    let hash = at - 1;
    while (hash >= first && isBlank(text[hash])) hash--;
    if (hash < first || text[hash] !== HASH) continue;
    let before = hash - 1;
    while (before >= first && isBlank(text[before])) before--;
    if (before >= first && text[before] !== NEWLINE) continue;

    if (!line.scan(text, hash, lineEnd(text, at)) || line.keyword !== 'TYPE') continue;
    const type = line.type(text);
    if (type !== undefined) visit(line.name, type);
  }
}

/** Where the line that holds `at` ends, without a carriage return. */
function lineEnd(text: Buffer, at: number): number {
  const newline = text.indexOf(NEWLINE, at);
  const end = newline < 0 ? text.length : newline;
  return contentEnd(text, at, end);
}

/** `end` without the carriage return before it, if there is one. */
export function contentEnd(text: Uint8Array, start: number, end: number): number {
  return end > start && text[end - 1] === 0x0d ? end - 1 : end;
}

function isMetricType(word: string): word is MetricType {
  return TYPES.has(word);
}

function startsWith(text: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (at + word.length > end) return false;
  for (let i = 0; i < word.length; i++) {
    if (text[at + i] !== word[i]) return false;
  }
  return true;
}
