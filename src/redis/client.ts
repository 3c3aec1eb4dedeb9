import { type RedisOptions as ClientOptions, Redis } from 'ioredis';
import { SECOND } from '../units.ts';
import { type Call, loadScript, type Reply, SCRIPTS, type ScriptName } from './commands.ts';
import { StoreError, toStoreError } from './failure.ts';
import type { RedisEndpoint, RedisOptions } from './options.ts';

const CONNECT_TIMEOUT_MS = 2 * SECOND;
const LONGEST_RETRY_DELAY_MS = 1 * SECOND;

export interface ConnectionHooks {
  /** The connection is up, and Redis has answered. */
  onReady?(): void;
  /** It was up and is no more, or an attempt to connect has failed. Called again for each failed attempt. */
  onDown?(error: StoreError): void;
  /** A command or a pipeline was answered. */
  onAnswer?(milliseconds: number): void;
  /** For tests: changes the text of the scripts, so that their clock can be set. */
  editScript?(lua: string): string;
}

type Callable = Record<string, (...args: unknown[]) => Promise<Reply>>;

/**
 * A connection to Redis that is made and renewed in the background. Nothing waits in it for a connection: a command
 * sent while it is down fails at once, and one that was not answered in time or whose connection broke fails too and
 * is not sent again. It may still be carried out.
 */
export class RedisConnection {
  readonly #client: Redis;
  readonly #options: RedisOptions;
  readonly #hooks: ConnectionHooks;
  #up = false;
  #closed = false;
  #failedAttempts = 0;
  #lastError: StoreError | undefined;
  #waiting = new Set<() => void>();
  // The server's clock as last seen, µs, and when that was by our own.
  #serverTimeUs = 0;
  #seenAt = 0;

  constructor(options: RedisOptions, hooks: ConnectionHooks = {}) {
    this.#options = options;
    this.#hooks = hooks;
    this.#client = new Redis(clientOptions(options, () => this.#retryDelay()));
    for (const script of Object.keys(SCRIPTS) as ScriptName[]) {
      const lua = loadScript(script);
      this.#client.defineCommand(script, { lua: hooks.editScript?.(lua) ?? lua });
    }
    this.#client.on('error', (error) => this.#down(toStoreError(error)));
    this.#client.on('close', () =>
      this.#down(new StoreError('connection', 'the connection to Redis is down')),
    );
    this.#client.on('ready', () => void this.#greet());
  }

  get up(): boolean {
    return this.#up;
  }

  /** The failure that last brought the connection down, while it is down. */
  get lastError(): StoreError | undefined {
    return this.#lastError;
  }

  /** Resolves as soon as the connection is up. Rejects with why it is not, after `timeoutMs`. */
  async whenUp(timeoutMs = this.#options.timeoutMs): Promise<void> {
    if (this.#up) return;
    let timer: NodeJS.Timeout | undefined;
    let wake: (() => void) | undefined;
    try {
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.#waiting.add(resolve);
        timer = setTimeout(resolve, timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      if (wake) this.#waiting.delete(wake);
    }
    if (!this.#up) throw this.#lastError ?? new StoreError('connection', 'the connection to Redis is down');
  }

  /**
   * The time of the server, µs, after which a write sent now must not be carried out any more, as its sender has given
   * up. Counted with the server's own clock as last seen, so that the clocks of gateways do not matter; that errs on the
   * early side, and who is told so while still waiting can try again.
   */
  latestExecutionUs(): number {
    const elapsedMs = performance.now() - this.#seenAt;
    return Math.floor(this.#serverTimeUs + (elapsedMs + this.#options.timeoutMs) * 1000);
  }

  /** Takes note of the server's clock, from an answer that has just come. */
  noteServerTime(us: number): void {
    this.#serverTimeUs = us;
    this.#seenAt = performance.now();
  }

  /** Sends one command. Throws StoreError. */
  async command(name: string, ...args: Array<string | number | Buffer>): Promise<Reply> {
    return this.#timed(() => this.#client.callBuffer(name, ...args) as Promise<Reply>);
  }

  /** Runs a script. Throws StoreError. */
  async run(call: Call): Promise<Reply> {
    return this.#timed(() =>
      (this.#client as unknown as Callable)[`${call.script}Buffer`](
        call.keys.length,
        ...call.keys,
        ...call.args,
      ),
    );
  }

  /** Runs several scripts in one round trip, one after the other. Each has its own result; does not throw. */
  async runAll(calls: readonly Call[]): Promise<Array<Reply | StoreError>> {
    if (calls.length === 1) return [await this.run(calls[0]).catch(toStoreError)];
    const pipeline = this.#client.pipeline();
    for (const call of calls) {
      (pipeline as unknown as Callable)[`${call.script}Buffer`](call.keys.length, ...call.keys, ...call.args);
    }
    let answers: ReadonlyArray<[Error | null, unknown]>;
    try {
      answers = (await this.#timed(() => pipeline.exec())) ?? [];
    } catch (error) {
      return calls.map(() => toStoreError(error));
    }
    const failed = answers.find(([error]) => error !== null)?.[0];
    if (failed) this.#dropIfStalled(toStoreError(failed));
    return calls.map((_, i) => {
      const [error, value] = answers[i] ?? [new Error('no answer'), null];
      return error ? toStoreError(error) : (value as Reply);
    });
  }

  /** Ends the connection for good. What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#up = false;
    const client = this.#client;
    // Only a connection that is there says when it has ended.
    if (client.status !== 'ready') return client.disconnect();
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.quit().catch(() => client.disconnect());
    const timer = setTimeout(() => client.disconnect(), 1 * SECOND);
    await ended;
    clearTimeout(timer);
  }

  async #timed<T>(send: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const answer = await send();
      this.#hooks.onAnswer?.(performance.now() - start);
      return answer;
    } catch (thrown) {
      const error = toStoreError(thrown);
      this.#dropIfStalled(error);
      throw error;
    }
  }

  // A server that has not answered in time would get everything that is written to the connection until it wakes up:
  // that is memory without bound, and late. A new connection begins with nothing in it.
  #dropIfStalled(error: StoreError): void {
    if (error.reason === 'timeout' && this.#up && !this.#closed) {
      this.#down(error);
      this.#client.disconnect(true);
    }
  }

  // The library counts an attempt as good when there is a connection; we, when Redis answers on it. PING, because a
  // server that is still loading its data refuses that.
  async #greet(): Promise<void> {
    try {
      await this.#client.ping();
      const time = (await this.#client.time()) as unknown as [string | number, string | number];
      this.noteServerTime(Number(time[0]) * 1e6 + Number(time[1]));
    } catch (error) {
      this.#down(toStoreError(error));
      if (!this.#closed) this.#client.disconnect(true);
      return;
    }
    this.#failedAttempts = 0;
    if (this.#closed) return;
    this.#up = true;
    this.#lastError = undefined;
    for (const wake of this.#waiting) wake();
    this.#hooks.onReady?.();
  }

  #retryDelay(): number {
    return Math.min(50 * 2 ** Math.min(this.#failedAttempts++, 10), LONGEST_RETRY_DELAY_MS);
  }

  #down(error: StoreError): void {
    if (this.#closed) return;
    // 'close' follows the error that explains it: keep the better reason.
    if (this.#up || error.reason !== 'connection' || !this.#lastError) this.#lastError = error;
    this.#up = false;
    this.#hooks.onDown?.(this.#lastError);
  }
}

function clientOptions(
  options: RedisOptions,
  retryDelay: () => number,
): ClientOptions & { replyMapping: 'legacy' } {
  if (options.mode !== 'server') {
    throw new StoreError('other', `this version serves a single Redis server only, not ${options.mode} mode`);
  }
  return {
    ...address(options.endpoints[0]),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined ? {} : { tls: { rejectUnauthorized: !options.tls.skipVerify } }),
    db: options.db,
    connectionName: 'pushgateway',
    // Answers as they are in RESP2: its flat arrays cost least, and numbers near 2^53 come as text.
    replyMapping: 'legacy',
    commandTimeout: options.timeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: retryDelay,
    // Ours is in #greet; that of the library needs rights for INFO, and prints to the console without them.
    enableReadyCheck: false,
    // A write that waits here, or is sent again, would be carried out after its sender was told that it failed.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A demoted master: connect again, to whoever is the master now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function address(endpoint: RedisEndpoint | undefined): ClientOptions {
  if (endpoint === undefined) throw new StoreError('other', 'no Redis endpoint is given');
  return 'path' in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
}
