import { createHash } from 'node:crypto';
import { KIB, SECOND } from '../units.ts';
import { firstKey } from './call-keys.ts';
import { type Call, DURABLE, loadScript, type Reply, SCRIPTS, type ScriptName, TIMED } from './commands.ts';
import { Cluster, MAX_REDIRECTIONS } from './connection/cluster.ts';
import { KeptAnswer } from './connection/kept-answer.ts';
import type { Batch, Link, LinkHooks, Request } from './connection/link.ts';
import { sentinelOptions, serverOptions } from './connection/link-options.ts';
import type { LinkPool, PoolLimits } from './connection/link-pool.ts';
import { callPool, type Script } from './connection/packed-call.ts';
import { Sentinels } from './connection/sentinels.ts';
import { type Servers, SingleServer } from './connection/servers.ts';
import { slabPool } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';
import { connectionLost, StoreError, toStoreError } from './failure.ts';
import { Keys } from './keys.ts';
import type { RedisOptions } from './options.ts';

export interface ConnectionHooks {
  /** The connection is up, and Redis has answered. In a Cluster: a node has, so it is called for each. */
  onReady?(): void;
  /** It was up and is no more, or an attempt to connect has failed. Called again for each failed attempt. */
  onDown?(error: StoreError): void;
  /** A command, or several that went together, was answered. */
  onAnswer?(milliseconds: number): void;
  /** For tests: changes the text of the scripts, so that their clock can be set. */
  editScript?(lua: string): string;
  /** For tests: in place of LARGE_VALUE_BYTES, so that small values take that way, too. */
  readonly largeValueBytes?: number;
}

/**
 * From so many bytes a value on, on the average, the values of a call come apart from its script (see
 * commands/shared/drafts.lua). A transaction takes Redis some 15 µs more than a script, and its values a third of what they
 * take as arguments.
 */
const LARGE_VALUE_BYTES = 2 * KIB;

interface Answer {
  readonly reply: Reply;
  readonly link: Link;
}

/**
 * The connection to Redis, be it a server, a Cluster or a master that sentinels watch. It is made and renewed in the
 * background. Nothing waits in it for a server: a command that is sent while that is down fails at once, and one that was
 * not answered in time or whose connection broke fails too and is not sent again. It may still be carried out. Only what
 * a server of a Cluster has refused without doing anything, as the keys are elsewhere, is sent there.
 */
export class RedisConnection {
  readonly #servers: Servers;
  readonly #sentinels: Sentinels | undefined;
  readonly #options: RedisOptions;
  readonly #hooks: ConnectionHooks;
  readonly #waiting = new Set<() => void>();
  #hasBeenUp = false;
  #closed = false;

  constructor(options: RedisOptions, hooks: ConnectionHooks = {}) {
    this.#options = options;
    this.#hooks = hooks;
    const mustConfirm = options.mode === 'sentinel' && (options.waitReplicas ?? 0) > 0;
    this.#sentinels = mustConfirm ? new Sentinels(options) : undefined;
    this.#servers = connect(options, hooks, {
      onUp: () => this.#arrived(),
      onDown: (_, error) => this.#lost(error),
    });
  }

  /** Longest time to wait for the answer to one command. */
  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Values of so many bytes on the average are sent apart from the script that decides on them. */
  get largeValueBytes(): number {
    return this.#hooks.largeValueBytes ?? LARGE_VALUE_BYTES;
  }

  /** The keys of a call must lie in one slot. */
  get isCluster(): boolean {
    return this.#options.mode === 'cluster';
  }

  /** Commands can be sent. In a Cluster: to one of the nodes at least. */
  get up(): boolean {
    return !this.#closed && this.#servers.up;
  }

  /** False while it is being made for the first time. */
  get hasBeenUp(): boolean {
    return this.#hasBeenUp;
  }

  /** The failure that last brought the connection down, while it is down. */
  get lastError(): StoreError | undefined {
    return this.up ? undefined : this.#servers.lastError;
  }

  /** The clock of the server that holds a key, Unix time in ms: what it shows at the most. 0 if it is not known. */
  clockMs(key: string): number {
    try {
      return this.#servers.poolOf(key).clockMs;
    } catch {
      return 0;
    }
  }

  /** Resolves as soon as the connection is up. Rejects with why it is not, after `timeoutMs`. */
  async whenUp(timeoutMs = this.#options.timeoutMs): Promise<void> {
    if (this.up) return;
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
    if (!this.up) throw this.lastError ?? connectionLost();
  }

  /** Looks whether all servers are there: in a Cluster each master, for every slot. Throws StoreError. */
  check(): Promise<void> {
    return this.#servers.check(performance.now() + this.#options.timeoutMs);
  }

  /** Sends one command, whose first argument is its key. Throws StoreError. */
  async command(name: string, ...args: Array<string | number | Buffer>): Promise<Reply> {
    return this.#one({ command: name, args }, String(args[0]));
  }

  /** Sends one command of that kind, whose answer goes to the sink. Throws StoreError. */
  async commandInto(
    sink: BatchSink,
    name: string,
    ...args: readonly [key: string, ...Array<string | number | Buffer>]
  ): Promise<void> {
    await this.#one({ command: name, args, sink }, args[0]);
  }

  /**
   * Sends several commands together, which read, and whose keys lie in one slot. Throws StoreError.
   * @param key one of theirs
   */
  async batch(key: string, commands: Batch['commands'], sink: BatchSink): Promise<void> {
    const start = performance.now();
    await this.#exchange({ commands, sink }, key, start + this.#options.timeoutMs, new Map());
    this.#hooks.onAnswer?.(performance.now() - start);
  }

  /** Runs a script. Throws StoreError. */
  async run(call: Call): Promise<Reply> {
    return this.#one(call, firstKey(call.keys));
  }

  /**
   * Sends one page of a walk with a cursor, and tells which server has answered: one that has taken over since the last
   * page knows nothing of its cursor, and the walk must begin anew. Throws StoreError.
   */
  async page(request: Request, key: string): Promise<{ reply: Reply; server: string }> {
    const until = performance.now() + this.#options.timeoutMs;
    const { reply, link } = await this.#exchange(request, key, until, new Map());
    return { reply, server: link.server };
  }

  /**
   * Runs several scripts, sent together; those of one bucket one after the other. Each has its own result; does not
   * throw.
   */
  async runAll(calls: readonly Call[]): Promise<Array<Reply | StoreError>> {
    const start = performance.now();
    const until = start + this.#options.timeoutMs;
    const taken = new Map<LinkPool, Link>();
    const sent = calls.map((call) =>
      this.#exchange(call, firstKey(call.keys), until, taken).catch(toStoreError),
    );
    const answers = await Promise.all(sent);
    if (answers.some((answer) => !(answer instanceof StoreError))) {
      this.#hooks.onAnswer?.(performance.now() - start);
    }
    const copied = await this.#waitForReplicas(calls, answers);
    return answers.map((answer, i) => {
      if (answer instanceof StoreError) return answer;
      const isCopied = DURABLE.has(calls[i].script) ? copied.get(answer.link) : undefined;
      return isCopied ?? answer.reply;
    });
  }

  /** Ends the connection for good. What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sentinels?.close();
    await this.#servers.close();
  }

  async #one(request: Request, key: string): Promise<Reply> {
    const start = performance.now();
    const answer = await this.#exchange(request, key, start + this.#options.timeoutMs, new Map());
    this.#hooks.onAnswer?.(performance.now() - start);
    if ('script' in request) {
      const copied = await this.#waitForReplicas([request], [answer]);
      for (const error of copied.values()) throw error;
    }
    return answer.reply;
  }

  /** @param taken the connections that requests which belong together go through, so that they keep their order */
  async #exchange(asked: Request, key: string, until: number, taken: Map<LinkPool, Link>): Promise<Answer> {
    let request = asked;
    let pool = this.#servers.poolOf(key);
    let asking = false;
    for (let redirections = 0; ; redirections++) {
      let link = taken.get(pool);
      if (link === undefined || !link.up) {
        link = pool.take();
        // A node that was met only just.
        if (this.isCluster && !link.up) await link.whenTried(until);
        taken.set(pool, link);
      }
      if ('sink' in request) request.sink?.begin();
      try {
        return { reply: await sendInTime(link, request, until, asking), link };
      } catch (thrown) {
        const error = toStoreError(thrown);
        if (redirections >= MAX_REDIRECTIONS && error.reason !== 'migrating') throw error;
        const next = await this.#servers.redirect(error, key, link, until);
        if (next === undefined) throw error;
        // Until all keys of the script have moved, both servers send us to each other: time alone ends that.
        if (error.reason === 'migrating') redirections = -1;
        ({ pool, asking } = next);
        if ('script' in request && (asking || error.reason === 'migrating'))
          request = request.apart?.whole() ?? request;
        if (asking && 'commands' in request && request.commands.count > 1) {
          return this.#oneByOne(request, key, until);
        }
      }
    }
  }

  /** While a slot moves, some of its keys are here and some there, and a server says nothing of what it does not have. */
  async #oneByOne({ commands, sink }: Batch, key: string, until: number): Promise<Answer> {
    const kept = Array.from({ length: commands.count }, () => new KeptAnswer());
    try {
      const answers = await Promise.all(
        kept.map((sink, i) => this.#exchange({ commands: commands.only(i), sink }, key, until, new Map())),
      );
      sink.begin();
      for (const answer of kept) answer.pourInto(sink);
      return answers[0];
    } finally {
      for (const answer of kept) answer.begin();
    }
  }

  /** Where replicas are waited for: the servers that were written to and have too few, each with an error. */
  async #waitForReplicas(
    calls: readonly Call[],
    answers: ReadonlyArray<Answer | StoreError>,
  ): Promise<Map<Link, StoreError>> {
    const failed = new Map<Link, StoreError>();
    const { waitReplicas = 0, waitTimeoutMs = 1 * SECOND, timeoutMs } = this.#options;
    if (waitReplicas === 0) return failed;
    const written = new Set<Link>();
    for (const [i, answer] of answers.entries()) {
      if (!(answer instanceof StoreError) && DURABLE.has(calls[i].script)) written.add(answer.link);
    }
    // A bit less than a command may take, so that the answer comes in time.
    const patienceMs = Math.max(1, Math.floor(Math.min(waitTimeoutMs, timeoutMs * 0.9)));
    const wait = { command: 'WAIT', args: [waitReplicas, patienceMs] };
    await Promise.all(
      [...written].map(async (link) => {
        try {
          const count = Number(await link.send(wait, Infinity));
          if (count < waitReplicas) failed.set(link, tooFewReplicas(count, waitReplicas, patienceMs));
          else await this.#confirmMaster(link);
        } catch (error) {
          failed.set(link, toStoreError(error));
        }
      }),
    );
    return failed;
  }

  async #confirmMaster({ reached }: Link): Promise<void> {
    if (this.#sentinels === undefined) return;
    if (reached === undefined) throw connectionLost();
    await this.#sentinels.confirm(reached);
  }

  #arrived(): void {
    if (this.#closed || !this.#servers.up) return;
    this.#hasBeenUp = true;
    for (const wake of this.#waiting) wake();
    this.#hooks.onReady?.();
  }

  #lost(error: StoreError): void {
    if (!this.#closed && !this.#servers.up) this.#hooks.onDown?.(error);
  }
}

/** Sends it once more if the clock of the server was not known, or was stepped: it has told us the time, and done nothing. */
async function sendInTime(link: Link, request: Request, until: number, asking: boolean): Promise<Reply> {
  let askedAt = performance.now();
  let reply = await link.send(request, until, asking);
  if (!('script' in request) || !TIMED.has(request.script) || !Array.isArray(reply)) return reply;
  if (isLate(reply)) {
    link.noteServerTime(Number(String(reply[1])), askedAt);
    askedAt = performance.now();
    reply = await link.send(request, until, asking);
  }
  if (Array.isArray(reply) && !isLate(reply)) link.noteServerTime(Number(String(reply[0])), askedAt);
  return reply;
}

export function isLate(reply: Reply | StoreError): boolean {
  return Array.isArray(reply) && String(reply[0]) === 'late';
}

function tooFewReplicas(count: number, wanted: number, patienceMs: number): StoreError {
  return new StoreError(
    'noreplicas',
    `it is stored on the master, but after ${patienceMs} ms only on ${count} of ${wanted} replicas (redis.wait_replicas)`,
  );
}

function connect(options: RedisOptions, { editScript }: ConnectionHooks, hooks: LinkHooks): Servers {
  const scripts = new Map<ScriptName, Script>();
  for (const script of Object.keys(SCRIPTS) as ScriptName[]) {
    const lua = loadScript(script);
    const text = editScript?.(lua) ?? lua;
    scripts.set(script, { text, sha: createHash('sha1').update(text).digest('hex') });
  }
  const settings = {
    timeoutMs: options.timeoutMs,
    scripts,
    pool: callPool(),
    slabs: slabPool(),
    unusedKey: new Keys(options.keyPrefix).unused,
    mustBeMaster: options.mode === 'sentinel',
  };
  const limits: PoolLimits = {
    size: Math.max(1, options.poolSize ?? 1),
    idleMs: options.idleTimeoutMs ?? 0,
    ageMs: options.maxConnectionAgeMs ?? 0,
  };
  if (options.mode === 'cluster') return new Cluster(options, settings, limits, hooks);
  const client =
    options.mode === 'sentinel' ? sentinelOptions(options) : serverOptions(options, options.endpoints[0]);
  return new SingleServer({ ...settings, client }, limits, hooks);
}
