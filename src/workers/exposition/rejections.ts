import { type LineError, MAX_ERRORS, type RejectReason } from '../messages.ts';
import { printableCharacter } from './printable.ts';
import type { PushProblems } from './push-problem.ts';

/** Longest piece of the input that an error message repeats, in characters. */
const MAX_EXCERPT = 80;

/** What a block had to refuse: how many lines for which reason, and a message for the first of them. */
export class Rejections {
  /** Where to note why all is refused, if one mistake is enough for that. */
  problems: PushProblems | undefined;
  counts: Partial<Record<RejectReason, number>> = {};
  #lines: LineError[] = [];
  #instances: LineError[] = [];

  reset(): void {
    this.counts = {};
    this.#lines = [];
    this.#instances = [];
  }

  /**
   * Refuses a line. Calls come in order of the lines.
   *
   * @param problem a sentence without its end, such as "Expected a number as value"
   * @param at where in the text the line stops being what was expected
   */
  line(line: number, reason: RejectReason, problem: string, text: Buffer, at: number, end: number): void {
    this.#count(reason, 1);
    if (this.problems !== undefined) {
      const message = `${problem}, found ${excerpt(text, at, end)}.`;
      if (reason === 'timestamp') this.problems.check(line, message);
      else this.problems.syntax(line, message);
    }
    if (this.#lines.length < MAX_ERRORS) {
      this.#lines.push({ line, message: `${problem}, found ${excerpt(text, at, end)}.` });
    }
  }

  /** Refuses what was read of one histogram or summary. Calls come in order of their first lines. */
  instance(line: number, samples: number, message: () => string): void {
    this.#count('incomplete_histogram', samples);
    // Most are refused because of another mistake.
    if (this.problems !== undefined && this.problems.first === undefined)
      this.problems.syntax(line, message());
    if (this.#instances.length < MAX_ERRORS) this.#instances.push({ line, message: message() });
  }

  /** The first of the messages, in order of their lines. */
  errors(): LineError[] {
    const all = [...this.#lines, ...this.#instances];
    return all.sort((a, b) => a.line - b.line).slice(0, MAX_ERRORS);
  }

  #count(reason: RejectReason, lines: number): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + lines;
  }
}

/** A piece of the input in quotes, at most 80 characters of it, with nothing that a terminal or a log would obey. */
export function excerpt(text: Buffer, start: number, end: number): string {
  if (start >= end) return 'the end of the line';
  const bytes = Math.min(end, start + MAX_EXCERPT * 4);
  const shown = [...text.toString('utf8', start, bytes)].map(printableCharacter);
  let length = 0;
  let kept = 0;
  while (kept < shown.length && length + shown[kept].length <= MAX_EXCERPT) length += shown[kept++].length;
  const cut = kept < shown.length || bytes < end;
  return `"${shown.slice(0, kept).join('')}${cut ? '…' : ''}"`;
}
