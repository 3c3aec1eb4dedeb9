import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE } from '../../src/units.ts';
import { Gateway } from '../../test/support/gateway.ts';
import { RedisServer } from '../../test/support/redis-server.ts';
import { RedisUsage } from '../measure/redis-usage.ts';
import type { GatewayUnderTest } from './gateway-under-test.ts';

/** As the image, and the first line of main.ts, start it. */
export const OUR_PROGRAM = [
  '--heap-growing-percent=150',
  '--no-parallel-scavenge',
  '--expose-gc',
  'dist/src/server/main.js',
];
const QUIET_TIMEOUT_MS = 2 * MINUTE;

export interface OurOptions {
  /** Appended to the command line of the gateway. */
  readonly args?: readonly string[];
  readonly redisArgs?: readonly string[];
  /** Where to write CPU profiles of the gateway to, when it ends. */
  readonly profileDir?: string | undefined;
}

/** What was built, and nothing of it expires while a row runs. */
export function startGateway(args: readonly string[], profileDir?: string): Promise<Gateway> {
  // Flags, and not NODE_OPTIONS, where Node 20 does not take them.
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  return Gateway.ready({
    command: [...profile, ...OUR_PROGRAM],
    args: ['--redis.expiration=1h', ...args],
    env: { NODE_ENV: 'production' },
  });
}

/** Our gateway and a Redis of its own, both fresh. */
export class Ours implements GatewayUnderTest, AsyncDisposable {
  readonly redis: RedisServer;
  readonly usage: RedisUsage;
  readonly #gateway: Gateway;

  private constructor(redis: RedisServer, usage: RedisUsage, gateway: Gateway) {
    this.redis = redis;
    this.usage = usage;
    this.#gateway = gateway;
  }

  static async start({ args = [], redisArgs = [], profileDir }: OurOptions = {}): Promise<Ours> {
    const redis = await RedisServer.start({ args: redisArgs });
    const gateway = await startGateway([`--redis.endpoint=${redis.endpoint}`, ...args], profileDir);
    return new Ours(redis, await RedisUsage.of(redis), gateway);
  }

  get port(): number {
    return this.#gateway.port;
  }

  get pid(): number {
    return this.#gateway.pid;
  }

  /** Resolves when no compaction waits or is under way. */
  quiet(): Promise<void> {
    return quiet(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.usage[Symbol.dispose]();
    await this.#gateway.stop();
    await this.redis.stop();
  }
}

/** The value of a metric of the gateway's own; NaN if it has none of that name. */
export async function telemetry({ port }: Pick<GatewayUnderTest, 'port'>, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/telemetry`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

export async function quiet(gateway: Pick<GatewayUnderTest, 'port'>): Promise<void> {
  const deadline = performance.now() + QUIET_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const waiting = await telemetry(gateway, 'pushgateway_compaction_queue_length');
    if (waiting + (await telemetry(gateway, 'pushgateway_worker_tasks_in_flight')) === 0) return;
    await sleep(20);
  }
  throw new Error('compaction has no end');
}
