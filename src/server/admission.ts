import { RequestError } from './errors.ts';

export interface TurnsOptions {
  /** How many may hold a turn at once. */
  readonly limit: number;
  /** How many may wait for one; more are refused at once. */
  readonly maxWaiting?: number;
  /** How long one may wait, ms. */
  readonly maxWaitMs?: number;
  /** The parked take their turn back at once, beyond the limit if need be. */
  readonly resumeAtOnce?: boolean;
  /** What the refused are told. */
  readonly refusal?: string;
}

interface Waiter {
  grant(): void;
}

/** A counting semaphore that serves in order of arrival, with bounds on how many wait and how long. */
export class Turns {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #maxWaitMs: number | undefined;
  readonly #resumeAtOnce: boolean;
  readonly #refusal: string;
  /** A Set keeps the order and forgets one in the middle at no cost. */
  readonly #waiters = new Set<Waiter>();
  #held = 0;
  #parked = 0;

  constructor(options: TurnsOptions) {
    this.#limit = options.limit;
    this.#maxWaiting = options.maxWaiting ?? Number.POSITIVE_INFINITY;
    this.#maxWaitMs = options.maxWaitMs;
    this.#resumeAtOnce = options.resumeAtOnce ?? false;
    this.#refusal = options.refusal ?? 'the gateway is busy';
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get parked(): number {
    return this.#parked;
  }

  /**
   * Resolves when it is the caller's turn; the caller owes a `give`. Rejects with ERR_BUSY when too many wait or the
   * wait is too long, and with the signal's reason when it aborts.
   */
  take(signal?: AbortSignal): Promise<void> {
    if (this.#waiters.size + this.#parked >= this.#maxWaiting && this.#held >= this.#limit) {
      return Promise.reject(new RequestError('ERR_BUSY', this.#refusal));
    }
    return this.#wait(signal);
  }

  /** Takes a turn if there is one just now; the caller then owes a `give`. */
  tryTake(): boolean {
    if (this.#held >= this.#limit || this.#waiters.size > 0) return false;
    this.#held += 1;
    return true;
  }

  give(): void {
    this.#held -= 1;
    const [next] = this.#waiters;
    if (next !== undefined && this.#held < this.#limit) next.grant();
  }

  /** Gives the turn to others while its holder has nothing to do; it owes a `resume` or an `unpark`. */
  park(): void {
    this.#parked += 1;
    this.give();
  }

  /** Takes the turn back. The parked are let in again whatever the number of those who wait, in their order. */
  resume(signal?: AbortSignal): Promise<void> {
    this.#parked -= 1;
    if (!this.#resumeAtOnce) return this.#wait(signal);
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#held += 1;
    return Promise.resolve();
  }

  /** The parked holder leaves for good. */
  unpark(): void {
    this.#parked -= 1;
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.tryTake()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        grant: () => {
          leave();
          this.#held += 1;
          resolve();
        },
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason);
      };
      const onTimeout = (): void => {
        leave();
        reject(new RequestError('ERR_BUSY', this.#refusal));
      };
      const timer = this.#maxWaitMs === undefined ? undefined : setTimeout(onTimeout, this.#maxWaitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }
}
