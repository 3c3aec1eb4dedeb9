import type { StoreError } from '../failure.ts';
import type { Link } from './link.ts';
import { LinkPool } from './link-pool.ts';

/** Where a request goes next, after a server has sent it on. */
export interface Redirected {
  readonly pool: LinkPool;
  readonly asking: boolean;
}

/** The servers that hold the keys, whatever the topology. */
export interface Servers {
  /** Requests may be sent: at least to a part of the servers. */
  readonly up: boolean;
  readonly lastError: StoreError | undefined;
  /** The connections to the server that holds a key. Throws StoreError if none does. */
  poolOf(key: string): LinkPool;
  /** Where to send a request again that a server has refused without doing anything; undefined: nowhere. */
  redirect(error: StoreError, key: string, link: Link, until: number): Promise<Redirected | undefined>;
  /** Looks whether all of them are there. Throws StoreError. */
  check(until: number): Promise<void>;
  close(): Promise<void>;
}

/** One server, or the one that the sentinels name. */
export class SingleServer implements Servers {
  readonly #pool: LinkPool;

  constructor(...args: ConstructorParameters<typeof LinkPool>) {
    this.#pool = new LinkPool(...args);
  }

  get up(): boolean {
    return this.#pool.up;
  }

  get lastError(): StoreError | undefined {
    return this.#pool.lastError;
  }

  poolOf(): LinkPool {
    return this.#pool;
  }

  async redirect(): Promise<undefined> {
    return undefined;
  }

  async check(): Promise<void> {}

  close(): Promise<void> {
    return this.#pool.close();
  }
}
