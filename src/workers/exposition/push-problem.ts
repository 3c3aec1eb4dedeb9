import { printable } from './printable.ts';

/** Longest message, in characters. */
const MAX_MESSAGE = 1000;

/** Why a push to a group is refused as a whole. */
export interface PushProblem {
  /** `syntax`: the body cannot be read. `check`: it can, but what it says is inconsistent. */
  readonly kind: 'syntax' | 'check';
  /** For the sender, in the words of the reference. */
  readonly message: string;
  /** The line of a syntax problem, counted from 1, and what is wrong with it, without naming it. */
  readonly line: number;
  readonly detail: string;
}

/** Of all problems of a push the one that is told: the first of its syntax, or else the first of the others. */
export class PushProblems {
  #syntax: PushProblem | undefined;
  #check: PushProblem | undefined;

  get first(): PushProblem | undefined {
    return this.#syntax ?? this.#check;
  }

  /** There is no need to read on. */
  get isUnreadable(): boolean {
    return this.#syntax !== undefined;
  }

  reset(): void {
    this.#syntax = undefined;
    this.#check = undefined;
  }

  syntax(line: number, detail: string): void {
    const message = `text format parsing error in line ${line}: ${detail}`;
    this.#syntax ??= { kind: 'syntax', message, line, detail };
  }

  check(line: number, detail: string): void {
    const shown = detail.length <= MAX_MESSAGE ? detail : `${detail.slice(0, MAX_MESSAGE - 1)}…`;
    const message = printable(shown);
    this.#check ??= { kind: 'check', message, line, detail: message };
  }
}
