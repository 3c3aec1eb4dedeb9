export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped';

const ORDER: readonly LifecycleState[] = ['starting', 'ready', 'draining', 'stopped'];

/** Where the process is in its life. It only goes forward, and may skip: a start that fails stops at once. */
export class Lifecycle {
  #state: LifecycleState = 'starting';

  get state(): LifecycleState {
    return this.#state;
  }

  /** No new work: what has begun is finished, what comes is refused. */
  get draining(): boolean {
    return this.#state === 'draining' || this.#state === 'stopped';
  }

  /** Returns false, and does nothing, if that state is reached or passed already. */
  advance(to: LifecycleState): boolean {
    if (ORDER.indexOf(to) <= ORDER.indexOf(this.#state)) return false;
    this.#state = to;
    return true;
  }
}
