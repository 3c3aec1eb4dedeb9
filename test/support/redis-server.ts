import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { MIB, SECOND } from '../../src/units.ts';
import { freePort } from './ports.ts';
import { redisCommand } from './redis-command.ts';
import { steppedClock } from './stepped-clock.ts';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 20 * SECOND;
const PORT_ATTEMPTS = 5;
const CLI_TIMEOUT_MS = 30 * SECOND;
/** Of what redis-cli does with many commands, as to move thousands of slots. */
const CLI_CLUSTER_TIMEOUT_MS = 150 * SECOND;

export interface RedisServerOptions {
  /** Appended to the command line, so they override the settings below: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
  readonly port?: number;
  /** What `cli` logs in with. The server must be told of it in `args`. */
  readonly password?: string;
  /** How far its clock is ahead of ours, or behind: only where `clocksCanBeStepped`. Default 0. */
  readonly clockMs?: number;
  /** Makes it a Sentinel with this configuration, which every restart begins with again. */
  readonly sentinel?: string;
}

/**
 * A `redis-server` of our own on loopback, without persistence, that ends with the test process however that ends.
 * Use it as `await using redis = await RedisServer.start()`.
 */
export class RedisServer implements AsyncDisposable {
  readonly host = HOST;
  readonly port: number;
  readonly #options: RedisServerOptions;
  #process: GuardedProcess;
  #paused = false;

  private constructor(port: number, options: RedisServerOptions, process: GuardedProcess) {
    this.port = port;
    this.#options = options;
    this.#process = process;
  }

  /** Resolves once the server answers PING. Rejects with the server's log when it does not come up. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort());
      try {
        return new RedisServer(port, options, await launch(port, options));
      } catch (error) {
        const portTaken = /address already in use/i.test(String(error));
        if (!portTaken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** `127.0.0.1:12345`, as `--redis.endpoint` takes it. */
  get endpoint(): string {
    return `${this.host}:${this.port}`;
  }

  get url(): string {
    return `redis://${this.endpoint}`;
  }

  /** The last 16 KiB of the server's log. */
  get log(): string {
    return this.#process.output;
  }

  /** Ends the server in order; a paused one is killed. Calling it again does nothing. */
  async stop(): Promise<void> {
    this.#process.signal('SIGCONT');
    await this.#process.stop(5 * SECOND);
  }

  /** Sends the signal and, when it is one that ends the server, waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const delivered = this.#process.signal(signal);
    if (delivered && (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT')) {
      await this.#process.exit();
    }
  }

  /** Freezes the server: connections stay open, nothing is answered. */
  pause(): void {
    this.#paused = this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
    this.#paused = false;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The same port with an empty server; ends the running one by SIGKILL, as a crash would. */
  async restart(): Promise<void> {
    await this.kill('SIGKILL');
    this.#paused = false;
    this.#process = await launch(this.port, this.#options);
  }

  /**
   * What `redis-cli --raw` would print, without the last newline. It runs only if flags come first (`--cluster`).
   */
  async cli(...args: string[]): Promise<string> {
    if (!args[0].startsWith('-')) {
      return redisCommand({ host: this.host, port: this.port, password: this.#options.password }, args);
    }
    const { stdout } = await promisify(execFile)(
      'redis-cli',
      ['-h', this.host, '-p', String(this.port), '-e', '--raw', ...args],
      {
        maxBuffer: 256 * MIB,
        timeout: args[0] === '--cluster' ? CLI_CLUSTER_TIMEOUT_MS : CLI_TIMEOUT_MS,
        // Set and empty it would be a password, too.
        ...(this.#options.password !== undefined && {
          env: { ...process.env, REDISCLI_AUTH: this.#options.password },
        }),
      },
    );
    return stdout.replace(/\n$/, '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function launch(port: number, options: RedisServerOptions): Promise<GuardedProcess> {
  const { args = [], clockMs = 0, sentinel } = options;
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-redis-'));
  const configFile = join(directory, 'sentinel.conf');
  if (sentinel !== undefined) await writeFile(configFile, sentinel);
  // biome-ignore format: one setting a line
  const settings = [
    ...(sentinel === undefined ? [] : [configFile, '--sentinel']),
    '--port', String(port),
    '--bind', HOST,
    '--dir', directory,
    '--save', '',
    '--appendonly', 'no',
    ...args,
  ];
  const prefix = clockMs === 0 ? [] : await steppedClock(clockMs);
  if (prefix === undefined) throw new Error('libfaketime is not installed');
  const [command, ...rest] = [...prefix, 'redis-server', ...settings];
  const server = await GuardedProcess.spawn(command, rest, { directory });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (server.running && Date.now() < deadline) {
    // The log line says that loading is over, and that it is not another server that answers on this port.
    if (/ready to accept connections|sentinel id is/i.test(server.output) && (await answersPing(port)))
      return server;
    await sleep(10);
  }
  await server.stop(0);
  throw new Error(`redis-server ${settings.join(' ')} did not start:\n${server.output}`);
}

/** True when the server takes commands or asks for a password first. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  socket.setTimeout(SECOND, () => socket.destroy(new Error('no answer to PING')));
  try {
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return /^(\+PONG|-NOAUTH)/.test(reply.toString('latin1'));
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
