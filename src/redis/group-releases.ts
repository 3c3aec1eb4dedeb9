import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../units.ts';
import type { StoreError } from './failure.ts';

const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1 * SECOND;
/** What is more than these ends by itself, as all does if the gateway dies: a lease lasts for three command timeouts. */
const MOST = 256;

/**
 * Lets go of groups whose changes were given up while Redis could not be reached: as soon as it can be. Else a failover
 * would keep them from their senders for as long as a lease lasts.
 */
export class GroupReleases {
  #underWay = 0;

  /**
   * Resolves after the first attempt, whatever comes of it; the others are made in the background. Does not throw.
   * @param release throws StoreError
   * @param forMs after which it has ended by itself
   */
  async letGo(release: () => Promise<unknown>, forMs: number): Promise<void> {
    const until = performance.now() + forMs;
    if ((await succeeds(release)) || this.#underWay >= MOST) return;
    this.#underWay++;
    void this.#tryAgain(release, until);
  }

  async #tryAgain(release: () => Promise<unknown>, until: number): Promise<void> {
    for (let waitMs = SHORTEST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      // No reason for a process to stay: the lease passes.
      await sleep(waitMs * (0.5 + Math.random()), undefined, { ref: false });
      if (performance.now() >= until || (await succeeds(release))) break;
    }
    this.#underWay--;
  }
}

function succeeds(release: () => Promise<unknown>): Promise<boolean> {
  return release().then(
    () => true,
    // Somebody else has the group: what was ours has passed.
    (error: StoreError) => error.reason === 'busy',
  );
}
