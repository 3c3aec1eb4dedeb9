import { SECOND } from '../../units.ts';
import type { StoreError } from '../failure.ts';
import { ATTEMPT_INTERVAL_MS, Link, type LinkHooks, type LinkSettings } from './link.ts';

/** How often connections are looked at that may be idle or old. */
const LONGEST_CHECK_MS = 1 * SECOND;
const SHORTEST_CHECK_MS = 20;

export interface PoolLimits {
  /** Most connections. */
  readonly size: number;
  /** 0: never. */
  readonly idleMs: number;
  /** 0: never. */
  readonly ageMs: number;
}

/**
 * The connections to one server. There is always one, and more are made while all that there are have something to do.
 * An old one is replaced when its successor is up: what it has under way ends on it, so that no request notices.
 */
export class LinkPool {
  readonly #settings: LinkSettings;
  readonly #limits: PoolLimits;
  readonly #hooks: LinkHooks;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #retired = new Set<Link>();
  #links: Link[];
  /** Being connected, to be added or to take the place of another. */
  #coming: { link: Link; replaces: Link | undefined } | undefined;
  /** When one more was last wanted in vain. */
  #refusedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(settings: LinkSettings, limits: PoolLimits, hooks: LinkHooks = {}) {
    this.#settings = settings;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#links = [new Link(settings, hooks)];
    const shortest = Math.min(limits.idleMs || Infinity, limits.ageMs || Infinity);
    if (shortest === Infinity) return;
    const every = Math.max(SHORTEST_CHECK_MS, Math.min(shortest / 4, LONGEST_CHECK_MS));
    this.#timer = setInterval(() => this.#tidy(), every);
    this.#timer.unref();
  }

  get up(): boolean {
    return this.#links.some((link) => link.up);
  }

  get lastError(): StoreError | undefined {
    return this.#links[0].lastError;
  }

  /** For how long the server has owed us an answer and given none, ms. */
  get silentMs(): number {
    return Math.max(...this.#links.map((link) => link.silentMs));
  }

  /** The server's clock, Unix time in ms: what it shows at the most. 0 if it is not known. */
  get clockMs(): number {
    let latest = 0;
    // Asked for with each bucket of a push.
    for (const link of this.#links) latest = Math.max(latest, link.clockMs);
    return latest;
  }

  /** Connections that requests may go through. */
  get size(): number {
    return this.#links.length;
  }

  /** The connection that has least to do. It may be down. */
  take(): Link {
    let best = this.#links[0];
    for (const link of this.#links) {
      if (link.up && (!best.up || link.pending < best.pending)) best = link;
    }
    if (best.up && best.pending > 0 && this.#links.length < this.#limits.size) this.#open(undefined);
    return best;
  }

  /** Ends all connections. What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const coming = this.#coming ? [this.#coming.link] : [];
    await Promise.all([...this.#links, ...this.#retired, ...coming].map((link) => link.close()));
  }

  #tidy(): void {
    for (const link of this.#retired) {
      if (link.pending > 0) continue;
      this.#retired.delete(link);
      void link.close();
    }
    const { idleMs, ageMs } = this.#limits;
    const idle =
      idleMs > 0 && this.#links.length > 1 && this.#links.findLast((link) => link.idleMs >= idleMs);
    if (idle) this.#retire(idle);
    const now = performance.now();
    const old = ageMs > 0 && this.#links.find((link) => link.up && now - link.bornAt >= ageMs);
    if (old) this.#open(old);
  }

  // One at a time.
  #open(replaces: Link | undefined): void {
    if (this.#coming !== undefined || this.#closed) return;
    if (performance.now() - this.#refusedAt < ATTEMPT_INTERVAL_MS) return;
    const link = new Link(this.#settings, {
      onUp: (link) => {
        if (this.#coming?.link === link) this.#arrive();
        this.#hooks.onUp?.(link);
      },
      onDown: (link, error) => {
        // The server may be at its limit of clients: with those that we have, all goes on.
        if (this.#coming?.link === link) {
          this.#coming = undefined;
          this.#refusedAt = performance.now();
          void link.close();
        } else this.#hooks.onDown?.(link, error);
      },
    });
    this.#coming = { link, replaces };
  }

  #arrive(): void {
    if (this.#coming === undefined) return;
    const { link, replaces } = this.#coming;
    this.#coming = undefined;
    this.#links = [...this.#links, link];
    if (replaces !== undefined) this.#retire(replaces);
  }

  #retire(link: Link): void {
    this.#links = this.#links.filter((other) => other !== link);
    this.#retired.add(link);
    if (link.pending > 0) return;
    this.#retired.delete(link);
    void link.close();
  }
}
