import { NEVER_MS } from './block.ts';
import type { RedisConnection } from './client.ts';

/** Until Redis carries a call out it may have others to do, and no block may end too early. A second would be too late. */
const MOST_MARGIN_MS = 300;
/** Of what lives for a short time only a twentieth. */
const MARGIN_PART = 20;

/**
 * What blocks are stamped with before they are sent: the deadline, and the sequences that Redis would choose. It keeps
 * them if they still hold when it carries out the call, and else stamps the blocks itself, which takes it longer (see
 * commands/shared/preamble.lua).
 */
export class Stamps {
  readonly #connection: RedisConnection;
  readonly #ttlMs: number;
  readonly #marginMs: number;
  #last = 0;

  /** @param ttlMs 0: for ever */
  constructor(connection: RedisConnection, ttlMs: number) {
    this.#connection = connection;
    this.#ttlMs = ttlMs;
    this.#marginMs = Math.min(MOST_MARGIN_MS, ttlMs / MARGIN_PART);
  }

  /** The sequence of the first of so many blocks of a bucket. @param key of the bucket */
  propose(key: string, blocks: number): number {
    const nowUs = Math.ceil(this.#connection.clockMs(key) * 1000);
    const first = Math.max(nowUs, this.#last + 1);
    this.#last = first + blocks - 1;
    return first;
  }

  /** ms, by the clock of the server that has the bucket, as far as it is known. @param key of the bucket */
  deadlineMs(key: string): number {
    if (this.#ttlMs === 0) return NEVER_MS;
    return Math.ceil(this.#connection.clockMs(key) + this.#ttlMs + this.#marginMs);
  }
}
