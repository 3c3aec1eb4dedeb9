import { setTimeout as sleep } from 'node:timers/promises';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';

const START_TIMEOUT_MS = 30 * SECOND;
const STOP_GRACE_MS = 20 * SECOND;
/** Where who runs many tests has built it for all their starts. */
const TEST_BUILT = process.env['TEST_BUILT'];

export interface GatewayOptions {
  /** Of the Redis on loopback to use. Undefined: say in `args` which. */
  readonly redisPort?: number;
  /** To listen on. Default: a free one. Null: what `args` and `env` say. */
  readonly port?: number | null;
  /**
   * The program as `npm run build` has made it, which starts and runs as fast as it can. Default: from source, or as it
   * was built in the folder that TEST_BUILT names.
   */
  readonly built?: boolean;
  /** Appended to the command line. */
  readonly args?: readonly string[];
  /** What node runs instead, with flags of its own. */
  readonly command?: readonly string[];
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The gateway as a process of its own, on a free port of the loopback interface, that ends with the test process
 * however that ends. Use it as `await using gateway = await Gateway.start({ redisPort: redis.port })`.
 */
export class Gateway implements AsyncDisposable {
  /** `http://127.0.0.1:PORT` and the route prefix, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly #process: GuardedProcess;

  private constructor(process: GuardedProcess, scheme: string, port: number, routePrefix: string) {
    this.#process = process;
    this.port = port;
    this.url = `${scheme}://127.0.0.1:${port}${routePrefix}`;
  }

  /** Resolves once it listens, which does not mean that Redis is there: see `ready`. */
  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = await spawn(options);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (gateway.running && Date.now() < deadline) {
      const listening = /msg="?listening"? .*?address=\S*:(\d+) scheme=(https?)\b/.exec(gateway.output);
      if (listening) {
        const prefix = routePrefix(options.args ?? []);
        return new Gateway(gateway, listening[2] as string, Number(listening[1]), prefix);
      }
      await sleep(10);
    }
    await gateway.stop(0);
    throw new Error(`the gateway did not start:\n${gateway.output}`);
  }

  /** Like `start`, and waits until the gateway takes pushes and scrapes. */
  static async ready(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = await Gateway.start(options);
    await gateway.whenReady();
    return gateway;
  }

  /** Runs it to its end, for a start that fails: its exit status and what it wrote. */
  static async run(options: GatewayOptions = {}): Promise<{ status: number; output: string }> {
    const gateway = await spawn(options);
    const status = await gateway.exit();
    return { status, output: gateway.output };
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** The last 16 KiB of its log. */
  get log(): string {
    return this.#process.output;
  }

  /** Resolves when /-/ready answers 200. */
  async whenReady(timeoutMs = 15 * SECOND): Promise<void> {
    await this.#until(200, timeoutMs);
  }

  /** Resolves when /-/ready answers 503. */
  async whenNotReady(timeoutMs = 15 * SECOND): Promise<void> {
    await this.#until(503, timeoutMs);
  }

  /** Sends a signal; false when the process is gone. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): boolean {
    return this.#process.signal(signal);
  }

  /** Resolves, when it ends, with its exit status: 128 + signal number when a signal ended it. */
  exit(): Promise<number> {
    return this.#process.exit();
  }

  /** SIGTERM, and its exit status. Calling it again does nothing. */
  stop(): Promise<number> {
    this.#process.signal('SIGCONT');
    return this.#process.stop(STOP_GRACE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #until(status: number, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    let last = 'nothing';
    while (Date.now() < deadline && this.running) {
      try {
        const answer = await fetch(`${this.url}/-/ready`, { headers: { connection: 'close' } });
        last = `${answer.status} ${await answer.text()}`;
        if (answer.status === status) return;
      } catch (error) {
        last = String(error);
      }
      await sleep(20);
    }
    throw new Error(`/-/ready did not answer ${status}, but ${last}:\n${this.log}`);
  }
}

/** What all paths begin with, as far as flags say it. */
function routePrefix(args: readonly string[]): string {
  const given = (pattern: RegExp): string | undefined =>
    args.map((arg) => pattern.exec(arg)?.[1]).find((prefix) => prefix !== undefined);
  const own = given(/^--web\.route-prefix=(.*?)\/?$/);
  return own ?? given(/^--web\.external-url=\w+:\/\/[^/]*(.*?)\/?$/) ?? '';
}

function spawn(options: GatewayOptions): Promise<GuardedProcess> {
  const { redisPort, port = 0, built = false, args = [], env = {} } = options;
  const settings = ['--host=127.0.0.1'];
  if (port !== null) settings.push(`--port=${port}`);
  if (redisPort !== undefined) settings.push(`--redis.endpoint=127.0.0.1:${redisPort}`);
  const folder = built ? 'dist' : TEST_BUILT;
  const program = folder ? [`${folder}/src/server/main.js`] : ['--import', 'tsx', 'src/server/main.ts'];
  const { command = program } = options;
  return GuardedProcess.spawn(process.execPath, [...command, ...settings, ...args], {
    env: { ...process.env, ...env },
  });
}
