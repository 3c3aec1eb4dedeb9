import type { GroupingKey } from '../../workers/messages.ts';
import { Turns, type TurnsOptions } from '../admission.ts';

/**
 * Pushes to one group come one after the other, in the order in which they are ready: so at most one of them waits in a
 * worker for somebody else to be done with the group, and those to other groups find one that is free.
 */
export class GroupTurns {
  readonly #options: TurnsOptions;
  readonly #groups = new Map<string, Turns>();

  constructor(options: Omit<TurnsOptions, 'limit'>) {
    this.#options = { ...options, limit: 1 };
  }

  /** Groups that somebody works on. */
  get size(): number {
    return this.#groups.size;
  }

  /** Rejects as Turns does, or as `work` does. */
  async run<T>(group: GroupingKey, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const key = JSON.stringify(group);
    const turns = this.#groups.get(key) ?? new Turns(this.#options);
    this.#groups.set(key, turns);
    try {
      await turns.take(signal);
      try {
        return await work();
      } finally {
        turns.give();
      }
    } finally {
      if (turns.held === 0 && turns.waiting === 0) this.#groups.delete(key);
    }
  }
}
