import { MINUTE } from '../units.ts';

/** Lets one event of a kind through in a while, and counts the others: a Redis that is down is one line, not a flood. */
export class LogThrottle {
  readonly #everyMs: number;
  readonly #kinds = new Map<string, { at: number; suppressed: number }>();

  constructor(everyMs: number = MINUTE) {
    this.#everyMs = everyMs;
  }

  /** How many of the kind were held back since the last one that passed; undefined: hold back this one too. */
  pass(kind: string): number | undefined {
    const now = performance.now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now - last.at < this.#everyMs) {
      last.suppressed += 1;
      return undefined;
    }
    this.#kinds.set(kind, { at: now, suppressed: 0 });
    return last?.suppressed ?? 0;
  }
}
