import { BACKSLASH, BLANK, HASH, METRIC_NAME, QUOTE } from '../character-classes.ts';
import { isMetricName } from '../names.ts';
import { normalizeEscapes } from './name-text.ts';

export type Keyword = 'EOF' | 'HELP' | 'TYPE' | 'UNIT';

/** A line of OpenMetrics that begins with `#`: `# EOF`, or `# KEYWORD name text` with one blank between the parts. */
export class MetadataLine {
  keyword: Keyword = 'EOF';
  /** With the escapes of a quoted name, its characters being bytes. */
  name = '';
  textStart = 0;
  textEnd = 0;
  /** What is wrong, as a sentence without its end, and where; set when the scan has returned false. */
  problem = '';
  problemAt = 0;

  scan(text: Buffer, start: number, end: number): boolean {
    if (isEofLine(text, start, end)) {
      this.keyword = 'EOF';
      return true;
    }
    const keyword = end - start > 7 ? text.toString('latin1', start, start + 7) : '';
    if (keyword !== '# HELP ' && keyword !== '# TYPE ' && keyword !== '# UNIT ') {
      return this.fail('Expected # HELP, # TYPE, # UNIT or # EOF', start);
    }
    this.keyword = keyword.slice(2, 6) as Keyword;
    const nameStart = start + 7;
    const after = this.#scanName(text, nameStart, end);
    if (after < 0) return this.fail(`Expected a metric name after ${this.keyword}`, nameStart);
    if (after === end || text[after] !== BLANK) return this.fail('Expected a blank and a text', after);
    this.textStart = after + 1;
    this.textEnd = end;
    return true;
  }

  fail(problem: string, at: number): false {
    this.problem = problem;
    this.problemAt = at;
    return false;
  }

  #scanName(text: Buffer, start: number, end: number): number {
    let i = start;
    if (text[i] !== QUOTE || i >= end) {
      while (i < end && METRIC_NAME[text[i]] === 1) i++;
      this.name = text.toString('latin1', start, i);
      return isMetricName(text, start, i) ? i : -1;
    }
    i++;
    while (i < end && text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
    if (i >= end || i === start + 1) return -1;
    this.name = normalizeEscapes(text.toString('latin1', start + 1, i));
    return i + 1;
  }
}

/** Whether the line is `# EOF`, which ends every exposition. */
export function isEofLine(text: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 5 &&
    text[start] === HASH &&
    text[start + 1] === BLANK &&
    text[start + 2] === 0x45 &&
    text[start + 3] === 0x4f &&
    text[start + 4] === 0x46
  );
}

/** The help text as it may stand in the text format: quotes are not escaped there, backslashes and newlines are. */
export function toTextHelp(help: string): string {
  if (!help.includes('\\')) return help;
  return help.replace(/\\(.)|\\/gs, (pair, escaped) => {
    if (escaped === '"') return '"';
    return escaped === '\\' || escaped === 'n' ? pair : `\\\\${escaped ?? ''}`;
  });
}
