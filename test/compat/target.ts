import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { exchange } from './raw-exchange.ts';

export const IS_OFFICIAL = process.env['COMPAT_TARGET'] === 'official';

const START_TIMEOUT_MS = 20 * SECOND;
/** Both know these flags. */
const FLAGS = ['--web.enable-admin-api', '--web.enable-lifecycle'];

export interface TargetOptions {
  /** Appended to the command lines. */
  readonly officialArgs?: readonly string[] | undefined;
  readonly oursArgs?: readonly string[] | undefined;
  /** Before every path of the API. */
  readonly prefix?: string;
}

/** The gateway that the table is run against: the official one or ours, each with nothing in it. */
export class Target implements AsyncDisposable {
  readonly port: number;
  readonly #prefix: string;
  readonly #release: () => Promise<void>;

  private constructor(port: number, prefix: string, release: () => Promise<void>) {
    this.port = port;
    this.#prefix = prefix;
    this.#release = release;
  }

  static start(options: TargetOptions = {}): Promise<Target> {
    return IS_OFFICIAL ? Target.#official(options) : Target.#ours(options);
  }

  static async #official({ officialArgs: args = FLAGS, prefix = '' }: TargetOptions): Promise<Target> {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-official-'));
    // Debian's program keeps what it holds in a file unless told otherwise.
    const settings = [`--web.listen-address=127.0.0.1:${port}`, '--persistence.file=', ...args];
    const process = await GuardedProcess.spawn('prometheus-pushgateway', settings, { directory });
    await until(() => answers(port, prefix), START_TIMEOUT_MS, 'prometheus-pushgateway did not start');
    return new Target(port, prefix, async () => {
      await process.stop(SECOND);
    });
  }

  static async #ours({ oursArgs: args = FLAGS, prefix = '' }: TargetOptions): Promise<Target> {
    const redis = await RedisServer.start();
    const gateway = await Gateway.start({ redisPort: redis.port, args });
    await until(() => answers(gateway.port, prefix), START_TIMEOUT_MS, 'the gateway is not ready');
    return new Target(gateway.port, prefix, async () => {
      await gateway.stop();
      await redis.stop();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}${this.#prefix}`;
  }

  /** Removes everything. The official gateway does so after it has answered. */
  async wipe(): Promise<void> {
    const answer = await exchange(this.port, { method: 'PUT', path: `${this.#prefix}/api/v1/admin/wipe` });
    if (answer.status !== 202) throw new Error(`the wipe was answered ${answer.status}: ${answer.body}`);
    await until(() => this.#isEmpty(), 10 * SECOND, 'still not empty after a wipe');
  }

  async #isEmpty(): Promise<boolean> {
    const { body } = await exchange(this.port, { method: 'GET', path: `${this.#prefix}/api/v1/metrics` });
    return (JSON.parse(body.toString()) as { data: unknown[] }).data.length === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }
}

async function answers(port: number, prefix: string): Promise<boolean> {
  try {
    return (await exchange(port, { method: 'GET', path: `${prefix}/-/ready` })).status === 200;
  } catch {
    return false;
  }
}
