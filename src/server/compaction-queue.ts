import type { CompactResult, CompactTask } from '../workers/messages.ts';

const MAX_FAMILIES = 10_000;

export interface CompactionQueueOptions {
  compact(task: CompactTask): Promise<CompactResult>;
  onResult(result: CompactResult): void;
  onError(error: unknown): void;
  readonly maxFamilies?: number;
}

/**
 * Metric families that wait to be compacted, each once, one under way at a time: compaction is never in the way of
 * pushes. When there are too many the oldest is forgotten; it asks again at its next push.
 */
export class CompactionQueue {
  readonly #options: CompactionQueueOptions;
  readonly #maxFamilies: number;
  readonly #families = new Set<string>();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: CompactionQueueOptions) {
    this.#options = options;
    this.#maxFamilies = options.maxFamilies ?? MAX_FAMILIES;
  }

  get length(): number {
    return this.#families.size;
  }

  add(families: readonly string[]): void {
    if (this.#closed || families.length === 0) return;
    for (const family of families) {
      this.#families.add(family);
      if (this.#families.size > this.#maxFamilies) {
        const [oldest] = this.#families;
        if (oldest !== undefined) this.#families.delete(oldest);
      }
    }
    this.#running ??= this.#run();
  }

  /** Forgets what waits and resolves when what is under way has ended. Nothing is taken after it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#families.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const family of this.#families) {
      // Before it begins: a push that comes during it may give reason for another.
      this.#families.delete(family);
      try {
        this.#options.onResult(await this.#options.compact({ kind: 'compact', family, unlessWithinMs: 0 }));
      } catch (error) {
        this.#options.onError(error);
      }
    }
    this.#running = undefined;
  }
}
