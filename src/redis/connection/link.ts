import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { SECOND } from '../../units.ts';
import type { BytePool } from '../byte-pool.ts';
import { type Apart, type Call, type Reply, type ScriptName, TIMED } from '../commands.ts';
import { connectionLost, StoreError, toStoreError } from '../failure.ts';
import type { CommandList } from './command-list.ts';
import { readingInto } from './connector.ts';
import { greet } from './greeting.ts';
import { Intake } from './intake.ts';
import type { LinkOptions } from './link-options.ts';
import './quick-strings.ts';
import { PackedCall, type Script, type ScriptRun } from './packed-call.ts';
import { ReplyError } from './reply-decoder.ts';
import type { Address } from './sentinels.ts';
import { type BatchSink, Wire } from './wire.ts';

/** From the beginning of one attempt to connect to that of the next. */
export const ATTEMPT_INTERVAL_MS = 1 * SECOND;
/** To send a script that Redis does not know any more. */
const MOST_ATTEMPTS = 4;
const SHORTEST_DELAY_MS = 50;

/** A command, by its name and arguments, or a script, or several commands. */
export type Request = Call | Command | Batch;

export interface Command {
  readonly command: string;
  readonly args: ReadonlyArray<string | number | Buffer>;
  /** Takes the strings of the answer; it is null then. */
  readonly sink?: BatchSink;
}

/** Commands that are sent together. Each is carried out by itself. */
export interface Batch {
  readonly commands: CommandList;
  /** Takes the answers, in their order. */
  readonly sink: BatchSink;
}

export interface LinkSettings {
  readonly client: LinkOptions;
  /** Longest time to wait for the answer to one command. */
  readonly timeoutMs: number;
  readonly scripts: ReadonlyMap<ScriptName, Script>;
  /** For what is sent, and for what is received; all links of a thread may share them. */
  readonly pool: BytePool;
  readonly slabs: BytePool;
  /** One that nobody uses, with our prefix. */
  readonly unusedKey: string;
  /** Sentinels may be behind: ask the server itself whether it is the master. */
  readonly mustBeMaster: boolean;
}

export interface LinkHooks {
  onUp?(link: Link): void;
  /** It was up and is no more, or an attempt to connect has failed. */
  onDown?(link: Link, error: StoreError): void;
}

/**
 * One connection to one server, made and renewed in the background: the client library connects and authenticates, all
 * that follows goes over a Wire. Nothing waits in it: a request that is sent while it is down fails at once, and one that
 * was not answered in time or whose connection broke fails too and is not sent again. It may still be carried out.
 */
export class Link {
  readonly bornAt = performance.now();
  readonly #client: Redis;
  readonly #settings: LinkSettings;
  readonly #hooks: LinkHooks;
  readonly #tried: Promise<void>;
  #resolveTried: () => void = () => {};
  /** By their sockets. */
  readonly #intakes = new WeakMap<object, Intake>();
  /** While it is up; after READONLY also until it ends, as it may still answer what it was sent. */
  #wire: Wire | undefined;
  /** Scripts that have been sent as a text. */
  readonly #loaded = new Set<ScriptName>();
  #up = false;
  #closed = false;
  #attemptedAt = this.bornAt;
  #revival: NodeJS.Timeout | undefined;
  #lastError: StoreError | undefined;
  /** While there is no wire: when there was last something to do. */
  #usedAt = this.bornAt;
  #server = '';
  #mayTransact = false;
  // The clock of this very server as last told, µs, and between which times by our own that was. 0: not known.
  #serverTimeUs = 0;
  #askedAt = 0;
  #toldAt = 0;

  constructor(settings: LinkSettings, hooks: LinkHooks = {}) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#tried = new Promise((resolve) => {
      this.#resolveTried = resolve;
    });
    const client = readingInto(settings.client, () => this.#newIntake().onread);
    this.#client = new Redis({ ...client, retryStrategy: () => this.#retryDelay() });
    this.#client.on('error', (error) => this.#down(toStoreError(error)));
    this.#client.on('close', () => this.#down(connectionLost()));
    this.#client.on('ready', () => void this.#greet());
    this.#client.on('end', () => this.#beginAgain());
  }

  get up(): boolean {
    return this.#up;
  }

  /** Of the server, as it was given. */
  get host(): string {
    return this.#settings.client.host ?? '';
  }

  /** The server's clock, Unix time in ms: what it shows at the most. 0 if it is not known. */
  get clockMs(): number {
    if (this.#serverTimeUs === 0) return 0;
    return this.#serverTimeUs / 1000 + performance.now() - this.#askedAt;
  }

  /** Where the socket ends; undefined while there is none, or it ends at a file. */
  get reached(): Address | undefined {
    const { remoteAddress: host, remotePort: port } = this.#client.stream ?? {};
    return host === undefined || port === undefined ? undefined : { host, port };
  }

  /** Names the server process at the other end, as far as it says: a cursor of SCAN means nothing to another one. */
  get server(): string {
    return this.#server;
  }

  /** The failure that last brought the connection down, while it is down. */
  get lastError(): StoreError | undefined {
    return this.#lastError;
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#wire?.pending ?? 0;
  }

  /** Resolves when the first attempt to connect has succeeded or failed, at the latest at that time. */
  async whenTried(until: number): Promise<void> {
    const timer = new AbortController();
    const late = sleep(Math.max(1, until - performance.now()), undefined, { signal: timer.signal });
    await Promise.race([this.#tried, late.catch(() => {})]);
    timer.abort();
  }

  /** For how long it has had nothing to do, ms. */
  get idleMs(): number {
    return this.pending > 0 ? 0 : performance.now() - (this.#wire?.usedAt ?? this.#usedAt);
  }

  /** For how long the server has owed us an answer and given none, ms. */
  get silentMs(): number {
    if (this.#wire === undefined || this.pending === 0) return 0;
    return performance.now() - Math.max(this.#wire.usedAt, this.#wire.heardAt);
  }

  /**
   * Sends a request. A script that must not come late is told the time of this server after which it must do nothing, as
   * its sender has given up by then. That is counted with the server's own clock as last seen, so that the clocks of
   * gateways do not matter; it errs on the early side, and who is told so while still waiting can try again.
   * Throws StoreError, with `unsent` set if it has not been sent at all.
   * @param until when the sender gives up, by performance.now()
   * @param asking the server is just taking over the slot of the keys
   */
  async send(request: Request, until: number, asking = false): Promise<Reply> {
    if (!this.#up || this.#wire === undefined) {
      const { reason, message } = this.#lastError ?? connectionLost();
      throw new StoreError(reason, message, { unsent: true });
    }
    try {
      if ('script' in request) return await this.#run(this.#wire, request, until, asking);
      if ('commands' in request) {
        const { commands, sink } = request;
        return await this.#wire.send(commands.bytes, { sink, commands: commands.count, asking });
      }
      const call = new PackedCall(this.#settings.pool, [[request.command], request.args]);
      return await this.#send(this.#wire, call, asking, request.sink);
    } catch (thrown) {
      const error = toStoreError(thrown);
      if (error.reason === 'readonly') this.#refuse(error);
      throw error;
    }
  }

  /** Takes note of the server's clock, from an answer that has just come. @param askedAt by performance.now() */
  noteServerTime(us: number, askedAt: number): void {
    this.#serverTimeUs = us;
    this.#askedAt = askedAt;
    this.#toldAt = performance.now();
  }

  /** Ends the connection for good. What is under way fails. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#up = false;
    clearTimeout(this.#revival);
    this.#resolveTried();
    this.#wire?.close(connectionLost());
    const client = this.#client;
    const { status, stream } = client;
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.disconnect();
    // Only a connection that is there says when it has ended.
    if (status !== 'ready') return;
    const timer = setTimeout(() => stream.destroy(), 1 * SECOND);
    await ended;
    clearTimeout(timer);
  }

  async #run(wire: Wire, asked: Call, until: number, asking: boolean): Promise<Reply> {
    const request = this.#mayTransact ? asked : (asked.apart?.whole() ?? asked);
    const { script } = request;
    const { pool, scripts } = this.#settings;
    const { text, sha } = scripts.get(script) as Script;
    const latest = TIMED.has(script) ? [this.#latestUs(until)] : [];
    // Scripts may be flushed at any time, also twice.
    for (let attempt = 1; ; attempt++) {
      const run = { script: this.#loaded.has(script) ? { sha } : { text }, call: request, first: latest };
      this.#loaded.add(script);
      try {
        if (request.apart === undefined) return await this.#send(wire, PackedCall.run(pool, run), asking);
        return await this.#transact(wire, run, request.apart);
      } catch (error) {
        if (!String(error).includes('NOSCRIPT')) throw error;
        this.#loaded.delete(script);
        if (attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** Returns what the script has answered and, behind that, how many families were written to. */
  async #transact(wire: Wire, run: ScriptRun, { drafts }: Apart): Promise<Reply> {
    const { pool, scripts } = this.#settings;
    const { text } = scripts.get('keepDrafts') as Script;
    const answers = await this.#send(wire, PackedCall.transaction(pool, run, drafts, text), false);
    const [decided, kept] = Array.isArray(answers) ? [answers[0], answers.at(-1) as Reply] : [answers, 0];
    return Array.isArray(decided) ? [...decided, kept] : decided;
  }

  async #send(wire: Wire, call: PackedCall, asking: boolean, sink?: BatchSink): Promise<Reply> {
    try {
      const reply = await wire.send(call.bytes, { sink, commands: call.commands, asking });
      call.release();
      return reply;
    } catch (error) {
      if (error instanceof ReplyError) call.release();
      throw error;
    }
  }

  #latestUs(until: number): number {
    if (this.#serverTimeUs === 0) return 0;
    return Math.floor(this.#serverTimeUs + (until - this.#toldAt) * 1000);
  }

  // A server that has not answered in time would get everything that is written to the connection until it wakes up:
  // that is memory without bound, and late. A new connection begins with nothing in it.
  #drop(error: StoreError): void {
    if (!this.#up || this.#closed) return;
    this.#down(error);
    this.#client.disconnect(true);
  }

  // A demoted master: connect again, to whoever is the master now. Until then all is refused for that reason; but what
  // was sent may still be answered.
  #refuse(error: StoreError): void {
    if (!this.#up || this.#closed) return;
    this.#lastError = error;
    this.#up = false;
    this.#hooks.onDown?.(this, error);
    this.#client.disconnect(true);
  }

  // The library counts an attempt as good when there is a connection; we, when Redis answers on it.
  async #greet(): Promise<void> {
    try {
      const askedAt = performance.now();
      const { mayTransact, server, timeUs } = await greet(this.#client, this.#settings);
      this.#mayTransact = mayTransact;
      this.#server = server;
      this.noteServerTime(timeUs, askedAt);
    } catch (error) {
      this.#down(toStoreError(error));
      if (!this.#closed) this.#client.disconnect(true);
      return;
    }
    if (this.#closed) return;
    const { stream } = this.#client;
    const wire = new Wire(stream, this.#settings.timeoutMs, (error) => this.#drop(error));
    // All that the library has asked is answered: what comes now is ours, and is so when the wire is closed. The library
    // would not know what to do with a late answer.
    const intake = this.#intakes.get(stream);
    if (intake === undefined) {
      this.#down(new StoreError('other', 'the connection to Redis does not read as it was told to'));
      this.#client.disconnect(true);
      return;
    }
    intake.handOver(wire.receive);
    this.#wire = wire;
    this.#up = true;
    this.#lastError = undefined;
    this.#resolveTried();
    this.#hooks.onUp?.(this);
  }

  /**
   * Of a connection that is being made: it is the library that reads first. In a failover it may make two at once, and
   * drop the one or the other, so each has its own.
   */
  #newIntake(): Intake {
    let socket: Redis['stream'] | undefined;
    const intake: Intake = new Intake(
      this.#settings.slabs,
      (slab, from, to) => {
        socket?.emit('data', Buffer.from(slab.bytes.subarray(from, to)));
        return to;
      },
      (receiver) => {
        if (socket !== undefined) return;
        socket = receiver as Redis['stream'];
        this.#intakes.set(socket, intake);
      },
    );
    return intake;
  }

  // What has worked for a while is made again at once; but however it breaks, there is never a storm of attempts.
  #retryDelay(): number {
    const now = performance.now();
    const delay = Math.max(SHORTEST_DELAY_MS, this.#attemptedAt + ATTEMPT_INTERVAL_MS - now);
    this.#attemptedAt = now + delay;
    return delay;
  }

  /**
   * The library has given up, though it is told to try again for ever. It does so if the sentinels tell it of a failover
   * while it asks one of them for the master.
   */
  #beginAgain(): void {
    this.#down(connectionLost());
    // Who was told of that may have closed it.
    if (this.#closed) return;
    this.#revival = setTimeout(() => this.#client.connect().catch(() => {}), this.#retryDelay());
  }

  #down(error: StoreError): void {
    if (this.#closed) return;
    // 'close' follows the error that explains it: keep the better reason.
    if (this.#up || error.reason !== 'connection' || !this.#lastError) this.#lastError = error;
    this.#up = false;
    this.#serverTimeUs = 0;
    this.#loaded.clear();
    if (this.#wire !== undefined) this.#usedAt = this.#wire.usedAt;
    this.#wire?.close(connectionLost());
    this.#wire = undefined;
    this.#resolveTried();
    this.#hooks.onDown?.(this, this.#lastError);
  }
}
