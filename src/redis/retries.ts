import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisConnection } from './client.ts';
import type { StoreError } from './failure.ts';
import { LongWaits, SHORT_WAIT_MS } from './patience.ts';

const SHORTEST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 200;

/**
 * Tries a write again that has failed in passing: its connection broke, or Redis was just not the one to write to. That
 * is for at most the command timeout, counted from the first failure, so that a sender whose write hangs, or who comes
 * while Redis is down, is told no later than that. One that was not answered in time is not tried again.
 *
 * A write that has not been acknowledged may be carried out twice without harm: the same blocks overwrite themselves,
 * and one that comes later than its sender waits does nothing.
 */
export class Retries {
  readonly #connection: RedisConnection;
  readonly #timeoutMs: number;
  readonly #longWaits: LongWaits;

  constructor(connection: RedisConnection, longWaits = new LongWaits()) {
    this.#connection = connection;
    this.#longWaits = longWaits;
    this.#timeoutMs = connection.timeoutMs;
  }

  /**
   * @param attempt does not throw
   * @param failureOf why it is to be tried again
   */
  async run<T>(attempt: () => Promise<T>, failureOf: (result: T) => StoreError | undefined): Promise<T> {
    let result = await attempt();
    let error = failureOf(result);
    if (!error?.passing) return result;
    const begun = performance.now();
    // What was not under way when Redis was lost need not be saved: it waits only for a connection that has just broken.
    // In a Cluster a task that waits for one node would hold up those for the others.
    const takesPlace = !error.unsent && this.#connection.isCluster && this.#longWaits.take();
    // That of a new thread may be the last one to be made, on a slow line long after pushes are let in.
    const isNew = !this.#connection.hasBeenUp;
    const mayWait = takesPlace || isNew || (!error.unsent && !this.#connection.isCluster);
    const until = begun + (mayWait ? this.#timeoutMs : Math.min(SHORT_WAIT_MS, this.#timeoutMs));
    try {
      for (let waitMs = SHORTEST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
        // At random, so that those that wait for the same do not come together.
        const pause = waitMs * (0.5 + Math.random());
        if (performance.now() + pause >= until) return result;
        await sleep(pause);
        const isUp = await this.#connection.whenUp(until - performance.now()).then(
          () => true,
          () => false,
        );
        if (!isUp) return result;
        result = await attempt();
        error = failureOf(result);
        if (!error?.passing) return result;
      }
    } finally {
      if (takesPlace) this.#longWaits.give();
    }
  }
}
