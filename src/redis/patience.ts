import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../units.ts';
import { StoreError } from './failure.ts';

const SHORTEST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 50;
/** What waits no longer than this holds nobody up. */
export const SHORT_WAIT_MS = 1 * SECOND;

/**
 * Who may wait long, of the tasks of one thread: one at a time, so that those that need not wait for the same always find
 * a place.
 */
export class LongWaits {
  #taken = false;

  /** Returns whether the caller may wait long; then it must give that back. */
  take(): boolean {
    if (this.#taken) return false;
    this.#taken = true;
    return true;
  }

  give(): void {
    this.#taken = false;
  }
}

/** Waits that grow, up to a bound in all, and to a second if another one of the thread waits long already. */
export class Patience implements Disposable {
  readonly #begun = performance.now();
  readonly #longestMs: number;
  readonly #longWaits: LongWaits;
  #isLong = false;
  #waitMs = SHORTEST_WAIT_MS;

  constructor(longestMs: number, longWaits: LongWaits) {
    this.#longestMs = longestMs;
    this.#longWaits = longWaits;
  }

  /** Throws StoreError, with `busy` as its reason and this message, when it has run out. */
  async wait(message: string): Promise<void> {
    if (!this.#mayGoOn()) throw new StoreError('busy', message);
    // At random, so that those that wait for the same do not come together again.
    await sleep(this.#waitMs * (0.5 + Math.random()));
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }

  /** To be called when there is nothing to wait for any more. */
  [Symbol.dispose](): void {
    if (this.#isLong) this.#longWaits.give();
    this.#isLong = false;
  }

  #mayGoOn(): boolean {
    const waited = performance.now() - this.#begun;
    if (waited >= this.#longestMs) return false;
    if (waited < SHORT_WAIT_MS) return true;
    this.#isLong ||= this.#longWaits.take();
    return this.#isLong;
  }
}
