import { open } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { KIB, SECOND } from '../../src/units.ts';
import { until } from '../../test/support/processes.ts';
import { RedisServer } from '../../test/support/redis-server.ts';
import { download, upload } from '../clients/curl.ts';
import type { Body } from '../data/bodies.ts';

/** As the gateway's reader asks for. */
const PAGE_BYTES = 512 * KIB;
const START_TIMEOUT_MS = 20 * SECOND;

/** How far from the limit we are: the same bytes through the same HTTP stack, and nothing done with them. */
export class Floor implements AsyncDisposable {
  readonly #redis: RedisServer;
  readonly #server: GuardedProcess;
  readonly #port: number;
  #values = 0;

  private constructor(redis: RedisServer, server: GuardedProcess, port: number) {
    this.#redis = redis;
    this.#server = server;
    this.#port = port;
  }

  /** `valueBytes`: how large the plain values are, which should be as large as the gateway's blocks. */
  static async start(valueBytes = 64 * KIB): Promise<Floor> {
    const redis = await RedisServer.start();
    const page = Math.max(1, Math.round(PAGE_BYTES / valueBytes));
    const args = ['--import', 'tsx', 'bench/programs/floor-server.ts', String(redis.port), String(page)];
    const server = await GuardedProcess.spawn(process.execPath, args, {
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const port = (): number => Number(/port (\d+)/.exec(server.output)?.[1]);
    await until(() => port() > 0 || !server.running, START_TIMEOUT_MS, 'the floor did not start');
    if (!server.running) throw new Error(`the floor did not start:\n${server.output}`);
    return new Floor(redis, server, port());
  }

  /** The seconds that the bytes take on their way in, into nothing. */
  async in(body: Body): Promise<number> {
    return (await upload('POST', this.#url('/in'), body)).seconds;
  }

  /** Puts the bytes into Redis as plain values. */
  async fill(body: Body, valueBytes: number): Promise<void> {
    const client = new Redis(this.#redis.port, this.#redis.host);
    const file = await open(body.file);
    this.#values = 0;
    for await (const value of file.createReadStream({ highWaterMark: valueBytes }))
      await client.set(`floor:${this.#values++}`, value as Buffer);
    client.disconnect();
  }

  /** The seconds that they take out of Redis and to the client. */
  async out(body: Body): Promise<number> {
    const { seconds, receivedBytes } = await download(this.#url(`/${this.#values}`));
    if (receivedBytes !== body.bytes) throw new Error(`the floor sent ${receivedBytes} bytes`);
    return seconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(0);
    await this.#redis.stop();
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }
}
