import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UnderWay } from './under-way.ts';

/**
 * So long a scrape goes on at a stretch. What is read ahead, and a reader that is as fast, would let it go on for many
 * times that, and a push that comes meanwhile is not even accepted.
 */
const LONGEST_TURN_MS = 0.5;
/** A scrape that has gone on for longer undisturbed does not rest for longer at once. */
const LONGEST_REST_MS = 20;
/** The shortest time that a timer can wait for. */
const SHORTEST_REST_MS = 1;

/**
 * When a scrape lets others have their turn. While pushes are being stored it rests, but not for longer than it has worked
 * before: under pushes without end it has half of the time. With two cores a scrape keeps both of them busy, and threads
 * that a push goes through wait for a core, 4 ms each time (one tick of the kernel): of pushes of a line while a million
 * series are scraped without end, that take 2.5 ms when nothing else is done, one in a hundred took 13 ms and the median
 * 4.5 ms; with rests it is 7 to 9 ms, and 2.6 ms.
 */
export class ScrapePace {
  readonly #pushes: UnderWay;
  readonly #now: () => number;
  #turnAt: number;
  /** So long it may still rest. */
  #credit = 0;

  /** @param now of a clock, ms */
  constructor(pushes: UnderWay, now: () => number = () => performance.now()) {
    this.#pushes = pushes;
    this.#now = now;
    this.#turnAt = now();
  }

  /** Whether it is time to `rest`. */
  get isTime(): boolean {
    const worked = this.#now() - this.#turnAt;
    return worked > LONGEST_TURN_MS || (this.#pushes.any && this.#credit + worked >= SHORTEST_REST_MS);
  }

  async rest(): Promise<void> {
    const from = this.#now();
    this.#credit = Math.min(this.#credit + from - this.#turnAt, LONGEST_REST_MS);
    if (this.#pushes.any && this.#credit >= SHORTEST_REST_MS) {
      await this.#pushes.whenNone(this.#credit);
      this.#credit = Math.max(0, this.#credit - (this.#now() - from));
    }
    // Also after that: who has just been told that its push is stored has to answer its client.
    await nextTurn();
    this.#turnAt = this.#now();
  }
}
