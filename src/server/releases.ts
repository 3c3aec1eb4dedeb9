import { SECOND } from '../units.ts';
import type { Logger } from './logger.ts';

const TIMEOUT_MS = 2 * SECOND;

/** What has been acquired and how to let go of it: in the opposite order, each with a bound on its time. */
export class Releases {
  readonly #log: Logger;
  readonly #timeoutMs: number;
  readonly #entries: Array<{ readonly what: string; readonly release: () => Promise<unknown> }> = [];

  constructor(log: Logger, timeoutMs: number = TIMEOUT_MS) {
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  push(what: string, release: () => Promise<unknown>): void {
    this.#entries.push({ what, release });
  }

  /** Does not throw: what cannot be let go of is logged, and the others get their turn. */
  async run(): Promise<void> {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      const { what, release } = entry;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${this.#timeoutMs} ms`)), this.#timeoutMs);
      });
      try {
        await Promise.race([release(), late]);
      } catch (err) {
        this.#log.warn({ err }, `${what} could not be closed`);
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
