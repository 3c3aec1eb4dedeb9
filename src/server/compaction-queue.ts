import type { CompactResult, CompactTask } from '../workers/messages.ts';

const MAX_FAMILIES = 10_000;
/** How long a family waits that another gateway compacts just now, before it is looked at again. */
const RETRY_MS = 10;

export interface CompactionQueueOptions {
  compact(task: CompactTask): Promise<CompactResult>;
  onResult(result: CompactResult): void;
  onError(error: unknown): void;
  /** Families that are compacted at once. Default: one. */
  readonly concurrency?: number;
  /** Longest that somebody waits for what he has asked for, ms. */
  readonly patienceMs: number;
  readonly maxFamilies?: number;
  readonly retryMs?: number;
}

/** A compaction that has not begun, and who waits for it. */
interface Request {
  readonly done: Promise<void>;
  end(): void;
}

/**
 * Metric families that are to be compacted, each once, a few at a time. Who asks is told when it is done: a push that
 * lets families grow is answered only then, so that pushes cannot outrun compaction.
 *
 * Who asks for a family that waits joins those who wait. One whose compaction is under way is compacted once more: that
 * has looked at the blocks before, and does not know of those that made somebody ask. The second one ends at once if the
 * first has removed enough.
 *
 * When too many wait the oldest is forgotten; it asks again at its next push.
 */
export class CompactionQueue {
  readonly #options: CompactionQueueOptions;
  readonly #requests = new Map<string, Request>();
  /** Those of the requests that may begin, in their order; the others wait for another gateway. */
  readonly #next = new Set<string>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: CompactionQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#requests.size;
  }

  /**
   * Resolves when each of the families has been compacted, or that has failed, or has taken too long: what was pushed is
   * stored, whatever becomes of its compaction. Does not reject.
   */
  add(families: readonly string[]): Promise<void> {
    if (this.#closed || families.length === 0) return Promise.resolve();
    const all = families.map((family) => this.#request(family).done);
    this.#begin();
    return within(this.#options.patienceMs, Promise.all(all));
  }

  /** Forgets what waits and resolves when what is under way has ended. Nothing is taken after it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const family of this.#requests.keys()) this.#forget(family);
    await Promise.all(this.#underWay.values());
  }

  #request(family: string): Request {
    const waiting = this.#requests.get(family);
    if (waiting !== undefined) return waiting;
    const request = createRequest();
    this.#requests.set(family, request);
    this.#next.add(family);
    if (this.#requests.size > (this.#options.maxFamilies ?? MAX_FAMILIES)) {
      const [oldest] = this.#requests.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
    return request;
  }

  #forget(family: string): void {
    this.#next.delete(family);
    this.#requests.get(family)?.end();
    this.#requests.delete(family);
  }

  #begin(): void {
    // Two of one family would only undo each other.
    for (const family of this.#next) {
      if (this.#underWay.size >= (this.#options.concurrency ?? 1)) return;
      const request = this.#requests.get(family);
      if (request === undefined || this.#underWay.has(family)) continue;
      this.#next.delete(family);
      this.#requests.delete(family);
      this.#underWay.set(family, this.#run(family, request));
    }
  }

  async #run(family: string, request: Request): Promise<void> {
    const isBusy = await this.#compact(family);
    this.#underWay.delete(family);
    if (isBusy && !this.#closed) this.#defer(family, request);
    else request.end();
    this.#begin();
  }

  /** Whether another gateway is at it. */
  async #compact(family: string): Promise<boolean> {
    try {
      const { patienceMs } = this.#options;
      const result = await this.#options.compact({
        kind: 'compact',
        family,
        unlessWithinMs: 0,
        onlyIfWanted: true,
        yieldMs: patienceMs,
      });
      if (result.isBusy) return true;
      this.#options.onResult(result);
    } catch (error) {
      this.#options.onError(error);
    }
    return false;
  }

  /** The other one may have begun before the blocks came that made somebody ask here: so it is looked at once more. */
  #defer(family: string, request: Request): void {
    const later = this.#requests.get(family);
    // Somebody has asked meanwhile: both wait for the same.
    if (later !== undefined) void later.done.then(() => request.end());
    else this.#requests.set(family, request);
    this.#next.delete(family);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#requests.has(family)) this.#next.add(family);
      this.#begin();
    }, this.#options.retryMs ?? RETRY_MS);
    this.#timers.add(timer);
  }
}

function createRequest(): Request {
  let end = (): void => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds).unref();
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
