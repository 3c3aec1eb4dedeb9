import { type IngestResult, type LineError, MAX_ERRORS } from '../../workers/messages.ts';

/** What became of a body, gathered from its blocks, which end in any order. */
export class IngestReport {
  accepted = 0;
  /** Lines that were refused. */
  rejected = 0;
  /** Samples that Redis has not acknowledged. */
  notStored = 0;
  /** Why the body was not taken to its end; the first reason counts. */
  error: unknown;
  readonly #errors: LineError[] = [];
  /** Results by the ordinal of their block, until those of all blocks before are there: lines are counted in order. */
  readonly #early = new Map<number, IngestResult>();
  #nextBlock = 0;
  #linesBefore = 0;

  /** The first errors of the body in order of lines, counted from 1. */
  get errors(): readonly LineError[] {
    return this.#errors;
  }

  /** Lines of the blocks from the start of the body up to the first whose result is missing. */
  get lines(): number {
    return this.#linesBefore;
  }

  add(ordinal: number, result: IngestResult): void {
    this.accepted += result.accepted;
    for (const lines of Object.values(result.rejected)) this.rejected += lines;
    this.notStored += result.failure?.notStored ?? 0;
    this.#early.set(ordinal, result);
    for (;;) {
      const next = this.#early.get(this.#nextBlock);
      if (next === undefined) return;
      this.#early.delete(this.#nextBlock);
      for (const { line, message } of next.errors) {
        if (this.#errors.length < MAX_ERRORS) this.#errors.push({ line: this.#linesBefore + line, message });
      }
      this.#linesBefore += next.lines;
      this.#nextBlock += 1;
    }
  }
}
