import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE } from '../units.ts';
import type { CompactResult, CompactTask } from '../workers/messages.ts';

const INTERVAL_MS = 10 * MINUTE;
const PAUSE_MS = 10;

export interface SweepOptions {
  familyNames(): AsyncIterable<string>;
  compact(task: CompactTask): Promise<CompactResult>;
  onResult(result: CompactResult): void;
  onError(error: unknown): void;
  /** As in CompactTask. */
  readonly yieldMs: number;
  /** Time between sweeps, ms. */
  readonly intervalMs?: number;
  /** Time between two families, ms. */
  readonly pauseMs?: number;
}

/**
 * Compacts, slowly and over and over, what asks for it no more: a push asks for the families that it writes to, and some
 * are pushed no more. Of several gateways each sweeps, but what one has done the others leave alone.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #intervalMs: number;
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS;
    this.#running = this.#run();
  }

  /** Resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    // Gateways that were started together should not sweep together.
    let waitMs = this.#intervalMs * (0.5 + Math.random() / 2);
    while (await this.#pause(waitMs)) {
      try {
        for await (const family of this.#options.familyNames()) {
          if (signal.aborted) return;
          const result = await this.#options.compact({
            kind: 'compact',
            family,
            unlessWithinMs: this.#intervalMs,
            yieldMs: this.#options.yieldMs,
          });
          this.#options.onResult(result);
          // Redis is not well: another time.
          if (result.failure) break;
          await this.#pause(this.#options.pauseMs ?? PAUSE_MS);
        }
      } catch (error) {
        this.#options.onError(error);
      }
      waitMs = this.#intervalMs;
    }
  }

  /** False when it was closed meanwhile. */
  async #pause(milliseconds: number): Promise<boolean> {
    const { signal } = this.#closed;
    return sleep(milliseconds, undefined, { signal, ref: false }).then(
      () => true,
      () => false,
    );
  }
}
