import { NEVER_MS } from './block.ts';
import type { RedisConnection } from './client.ts';

/**
 * What blocks are stamped with before they are sent: the deadline, and the sequences that Redis would choose. It keeps
 * them if they still hold when it carries out the call, and else stamps the blocks itself, which takes it longer (see
 * commands/shared/preamble.lua).
 */
export class Stamps {
  readonly #connection: RedisConnection;
  readonly #ttlMs: number;
  #last = 0;

  /** @param ttlMs 0: for ever */
  constructor(connection: RedisConnection, ttlMs: number) {
    this.#connection = connection;
    this.#ttlMs = ttlMs;
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
    return this.#ttlMs === 0 ? NEVER_MS : Math.ceil(this.#connection.clockMs(key)) + this.#ttlMs;
  }
}
