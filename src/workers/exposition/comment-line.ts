import { knownHelps, knownNames, knownWords } from '../../redis/known-texts.ts';
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
import { unescapeQuoted } from './names.ts';
import { isValidUtf8 } from './utf8.ts';

/** The types whose entries consist of many lines. */
export type InstanceType = 'histogram' | 'summary' | 'gaugehistogram';

export type MetricType = 'counter' | 'gauge' | 'untyped' | 'info' | 'stateset' | InstanceType;

const TYPES: ReadonlyMap<string, MetricType> = new Map(
  (['counter', 'gauge', 'histogram', 'summary', 'untyped'] as const).map((type) => [type, type]),
);

/** What OpenMetrics and protobuf know besides. */
const MORE_TYPES: ReadonlyMap<string, MetricType> = new Map([
  ['gaugehistogram', 'gaugehistogram'],
  ['info', 'info'],
  ['stateset', 'stateset'],
  ['unknown', 'untyped'],
]);

const LOWER_CASE = 0x20;
const LOWER_M = 'm'.charCodeAt(0);
const LOWER_Y = 'y'.charCodeAt(0);

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const EOF = Buffer.from('# EOF');
const HELP = Buffer.from('HELP');
const TYPE = Buffer.from('TYPE');
const UNIT = Buffer.from('UNIT');

/**
 * A line that begins with `#`. It says something if `keyword` is set after the scan: HELP and TYPE with a name and
 * something after it; whatever else stands in a comment means nothing and is no mistake.
 */
export class CommentLine {
  /** Whether names may stand in quotes. */
  quotedNames = true;
  /** Whether there may be UNIT lines, and the types that this format does not have. */
  extended = false;

  keyword: 'HELP' | 'TYPE' | 'UNIT' | undefined;
  /** Without quotes. */
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
    const keyword = this.#keywordAt(text, i, end);
    if (keyword === undefined || i + 4 === end || !isBlank(text[i + 4])) return true;

    const nameStart = skipBlanks(text, i + 4, end);
    if (nameStart === end) return true;
    const isQuoted = text[nameStart] === QUOTE && this.quotedNames;
    i = isQuoted ? quotedEnd(text, nameStart, end) : wordEnd(text, nameStart, end);
    if (i === nameStart || (i < end && !isBlank(text[i]))) {
      return this.fail(`Expected a metric name after ${keyword}`, nameStart);
    }
    this.textStart = skipBlanks(text, i, end);
    this.textEnd = end;
    if (this.textStart === end) return true;
    if (isQuoted && !isValidUtf8(text, nameStart, i)) return this.fail('Expected valid UTF-8', nameStart);
    this.name = isQuoted
      ? unescapeQuoted(text, nameStart + 1, i - 1)
      : knownNames.find(text, nameStart, i, 'latin1');
    this.keyword = keyword;
    return true;
  }

  /** The type that a TYPE line declares, or undefined for an unknown one. */
  type(text: Buffer): MetricType | undefined {
    let end = this.textEnd;
    while (isBlank(text[end - 1])) end--;
    const word = knownWords.find(text, this.textStart, Math.min(end, this.textStart + 32), 'latin1');
    const type = this.#typeOf(word) ?? this.#typeOf(word.toLowerCase());
    if (type !== undefined) return type;
    const more = this.extended ? ' or one of OpenMetrics' : '';
    this.fail(`Expected counter, gauge, histogram, summary or untyped${more} as type`, this.textStart);
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
    const help = knownHelps.find(text, this.textStart, this.textEnd, 'utf8');
    return quotes ? help.replace(/\\(.)/g, (pair, escaped) => (escaped === '"' ? '"' : pair)) : help;
  }

  /** Notes what is wrong with the line. */
  fail(problem: string, at: number): false {
    this.problem = problem;
    this.problemAt = at;
    return false;
  }

  #typeOf(word: string): MetricType | undefined {
    return TYPES.get(word) ?? (this.extended ? MORE_TYPES.get(word) : undefined);
  }

  #keywordAt(text: Buffer, at: number, end: number): 'HELP' | 'TYPE' | 'UNIT' | undefined {
    if (startsWith(text, at, end, HELP)) return 'HELP';
    if (startsWith(text, at, end, TYPE)) return 'TYPE';
    return this.extended && startsWith(text, at, end, UNIT) ? 'UNIT' : undefined;
  }
}

/** Length of a byte order mark at the start of the text: some editors on Windows leave one there. */
export function byteOrderMarkLength(text: Uint8Array): number {
  return startsWith(text, 0, text.length, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
}

/** Calls `visit` for every well-formed TYPE line, without looking at the other lines. */
export function forEachType(
  text: Buffer,
  visit: (name: string, type: MetricType) => void,
  line = new CommentLine(),
): void {
  eachType(text, visit, line, false);
}

/** The same for those of histograms and summaries, which takes less: the server does this with what it cuts. */
export function forEachInstanceType(
  text: Buffer,
  visit: (name: string, type: InstanceType) => void,
  line = new CommentLine(),
): void {
  eachType(text, visit as (name: string, type: MetricType) => void, line, true);
}

function eachType(
  text: Buffer,
  visit: (name: string, type: MetricType) => void,
  line: CommentLine,
  onlyInstances: boolean,
): void {
  const first = byteOrderMarkLength(text);
  for (let at = text.indexOf(TYPE); at >= 0; at = text.indexOf(TYPE, at + TYPE.length)) {
    let hash = at - 1;
    while (hash >= first && isBlank(text[hash])) hash--;
    if (hash < first || text[hash] !== HASH) continue;
    let before = hash - 1;
    while (before >= first && isBlank(text[before])) before--;
    if (before >= first && text[before] !== NEWLINE) continue;

    const end = lineEnd(text, at);
    if (onlyInstances && !mayEndInInstanceType(text, at, end)) continue;
    if (!line.scan(text, hash, end) || line.keyword !== 'TYPE') continue;
    const type = line.type(text);
    if (type === undefined || (onlyInstances && !isInstanceType(type))) continue;
    visit(line.name, type);
  }
}

/** The types whose entries consist of many lines. */
export function isInstanceType(type: string): type is InstanceType {
  return type === 'histogram' || type === 'summary' || type === 'gaugehistogram';
}

/** By the last letter, in either case, which no other type has. */
function mayEndInInstanceType(text: Buffer, start: number, end: number): boolean {
  let last = end - 1;
  while (last > start && isBlank(text[last])) last--;
  const letter = text[last] | LOWER_CASE;
  return letter === LOWER_M || letter === LOWER_Y;
}

/** Whether a comment is the last line of a body in OpenMetrics. */
export function isEof(text: Buffer, start: number, end: number): boolean {
  return text.subarray(start, end).equals(EOF);
}

/** Where the line that holds `at` ends, without a carriage return. */
function lineEnd(text: Buffer, at: number): number {
  // Byte by byte: these lines are short.
  let end = at;
  while (end < text.length && text[end] !== NEWLINE) end++;
  return contentEnd(text, at, end);
}

/** `end` without the carriage return before it, if there is one. */
export function contentEnd(text: Uint8Array, start: number, end: number): number {
  return end > start && text[end - 1] === 0x0d ? end - 1 : end;
}

/** The end of the classic name at `start`, which is `start` if there is none. */
function wordEnd(text: Uint8Array, start: number, end: number): number {
  let i = start;
  if (METRIC_NAME_START[text[i]] === 1) {
    while (i < end && METRIC_NAME[text[i]] === 1) i++;
  }
  return i;
}

/** The end of the quoted name at `start`, its quotes included, which is `start` if there is none. */
function quotedEnd(text: Uint8Array, start: number, end: number): number {
  let i = start + 1;
  for (; i < end && text[i] !== QUOTE; i++) {
    if (text[i] !== BACKSLASH) continue;
    const escaped = text[++i];
    if (escaped !== BACKSLASH && escaped !== QUOTE && escaped !== LOWER_N) return start;
  }
  return i < end && i > start + 1 ? i + 1 : start;
}

function startsWith(text: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (at + word.length > end) return false;
  for (let i = 0; i < word.length; i++) {
    if (text[at + i] !== word[i]) return false;
  }
  return true;
}
