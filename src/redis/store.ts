import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../units.ts';
import type { Holdings } from './asked-families.ts';
import { RedisConnection } from './client.ts';
import { DistinctFamilies } from './distinct-families.ts';
import { type FailureReason, StoreError, toStoreError } from './failure.ts';
import { familyNames } from './family-index.ts';
import type { GroupInfo } from './group.ts';
import { GroupReleases } from './group-releases.ts';
import { deleteGroup, type GroupFamily, groupFamilies, wipe } from './group-store.ts';
import { LiveGroups } from './groups.ts';
import { agreeOnSecret } from './identity-secret.ts';
import { BUCKETS, Keys } from './keys.ts';
import { KnownFamilies } from './known-families.ts';
import type { Labels } from './label-text.ts';
import type { RedisOptions } from './options.ts';
import { Retries } from './retries.ts';
import { type ScrapeOptions, type ScrapeSummary, scrape } from './scrape.ts';
import { openSequences } from './sequences.ts';

/** How often Redis is asked whether it is there, so that `ready` is never older than two seconds. */
const CHECK_INTERVAL_MS = 1 * SECOND;
const POLL_MS = 10;
/** How long an answer to that may take. */
const CHECK_TIMEOUT_MS = 900;

export interface StoreHooks {
  onReady(): void;
  onDown(error: StoreError): void;
  /** Redis has answered a command of the main thread, after so many milliseconds. */
  onAnswer(milliseconds: number): void;
}

/**
 * The store as the main thread sees it: whether it is there, what its tasks must know, and what it holds. It keeps a
 * connection of its own; those that write are in the worker threads.
 */
export class Store {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #hooks: StoreHooks;
  readonly #timeoutMs: number;
  readonly #checks: NodeJS.Timeout;
  readonly #retries: Retries;
  readonly #releases = new GroupReleases();
  readonly #distinct = new DistinctFamilies();
  readonly #holdings: Holdings = new KnownFamilies();
  #secret: Uint8Array | undefined;
  #ready = false;
  #down: StoreError | undefined = new StoreError('connection', 'Redis has not been reached yet');
  #checking = false;
  /** Checks in a row that were not answered in time. */
  #lateChecks = 0;

  constructor(options: RedisOptions, hooks: StoreHooks) {
    this.#keys = new Keys(options.keyPrefix);
    this.#hooks = hooks;
    this.#timeoutMs = options.timeoutMs;
    this.#connection = new RedisConnection(options, {
      onReady: () => void this.#check(),
      onDown: (error) => {
        // That was another connection, maybe to another server.
        this.#lateChecks = 0;
        this.#setDown(error);
      },
      onAnswer: (milliseconds) => hooks.onAnswer(milliseconds),
    });
    this.#retries = new Retries(this.#connection);
    this.#checks = setInterval(() => void this.#check(), CHECK_INTERVAL_MS);
    this.#checks.unref();
  }

  /** Redis, in a Cluster every master, has answered within the last two seconds, and the identity is known. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves once it is ready. Throws StoreError, why it is not, after `timeoutMs`. */
  async whenReady(timeoutMs: number): Promise<void> {
    for (const until = performance.now() + timeoutMs; !this.#ready; await sleep(POLL_MS)) {
      if (performance.now() >= until) throw this.#down;
    }
  }

  /**
   * Work may be begun. In a Cluster that has lost a part of itself: what the other masters hold is still served. And a
   * server that has been late once may only have been busy for a second: who comes then is not refused, but waits for it.
   */
  get serves(): boolean {
    if (this.#ready) return true;
    if (this.#secret === undefined || !this.#connection.up) return false;
    return this.#connection.isCluster || this.#lateChecks === 1;
  }

  get downReason(): FailureReason | undefined {
    return this.#down?.reason;
  }

  /** Why it is not ready, as a sentence without a full stop. */
  get downMessage(): string | undefined {
    return this.#down?.message;
  }

  /** What tasks need; undefined until Redis has been reached for the first time. */
  get identity(): { readonly secret: Uint8Array } | undefined {
    return this.#secret && { secret: this.#secret };
  }

  /** Adopts the secret that Redis holds now. Throws StoreError. */
  async refreshIdentity(): Promise<void> {
    this.#secret = await agreeOnSecret(this.#connection, this.#keys, this.#secret);
  }

  /** Reserves the sequences of a body of several blocks, for each bucket (see sequences.ts). Throws StoreError. */
  openSequences(above: Float64Array | undefined): Promise<Float64Array> {
    return openSequences(this.#connection, this.#keys, above);
  }

  /** What lives, as one exposition in chunks (see scrape.ts). Throws StoreError. */
  scrape(options: ScrapeOptions = {}): AsyncGenerator<Buffer, ScrapeSummary> {
    return scrape(this.#connection, this.#keys, {
      distinct: this.#distinct,
      holdings: this.#holdings,
      ...options,
    });
  }

  /** All groups that live. Throws StoreError. */
  async *groups(): AsyncGenerator<GroupInfo, void> {
    yield* (await LiveGroups.open(this.#connection, this.#keys)).all();
  }

  /** Deletes a group with all that it holds. Returns false if there is none. Throws StoreError. */
  deleteGroup(labels: Labels): Promise<boolean> {
    const options = { timeoutMs: this.#timeoutMs, retries: this.#retries, releases: this.#releases };
    return deleteGroup(this.#connection, this.#keys, labels, options);
  }

  /** What a group holds, family after family. Throws StoreError. */
  groupFamilies(labels: Labels): AsyncGenerator<GroupFamily, void> {
    return groupFamilies(this.#connection, this.#keys, labels);
  }

  /** Removes everything, whoever pushed it. What is pushed meanwhile may stay. Throws StoreError. */
  wipe(): Promise<void> {
    return wipe(this.#connection, this.#keys, this.#retries);
  }

  /** The names of all families, for a slow look at what nobody pushes any more. Throws StoreError. */
  async *familyNames(): AsyncGenerator<string, void> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for await (const names of familyNames(this.#connection, this.#keys, bucket)) yield* names;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#checks);
    this.#ready = false;
    await this.#connection.close();
  }

  // The secret is looked at each time: if Redis has lost its data, ours is put back before another takes its place.
  async #check(): Promise<void> {
    if (this.#checking || !this.#connection.up) return;
    this.#checking = true;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new StoreError('timeout', 'Redis did not answer in time');
    try {
      const late = new Promise<never>((_, reject) => {
        // What came while this thread was busy is read first.
        timer = setTimeout(() => setImmediate(() => reject(tooLate)), CHECK_TIMEOUT_MS);
      });
      await Promise.race([Promise.all([this.refreshIdentity(), this.#connection.check()]), late]);
      this.#lateChecks = 0;
      if (!this.#ready) {
        this.#ready = true;
        this.#down = undefined;
        this.#hooks.onReady();
      }
    } catch (error) {
      this.#lateChecks = error === tooLate ? this.#lateChecks + 1 : 0;
      this.#setDown(toStoreError(error));
    } finally {
      clearTimeout(timer);
      this.#checking = false;
    }
  }

  #setDown(error: StoreError): void {
    this.#ready = false;
    this.#down = error;
    this.#hooks.onDown(error);
  }
}
