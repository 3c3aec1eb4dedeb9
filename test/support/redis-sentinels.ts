import { randomBytes } from 'node:crypto';
import { SECOND } from '../../src/units.ts';
import { freePort } from './ports.ts';
import { until } from './processes.ts';
import { RedisServer } from './redis-server.ts';

const START_TIMEOUT_MS = 30 * SECOND;
const MASTER_NAME = 'main';

export interface RedisSentinelsOptions {
  /** Default 3. */
  readonly sentinels?: number;
  /** How many must agree that the master is down. Default 2. */
  readonly quorum?: number;
  /** Default 1. */
  readonly replicas?: number;
  /** How far the clocks of the replicas are ahead of ours, or behind. Default 0. */
  readonly replicaClockMs?: number;
  /** After so long without an answer a server is taken for dead. Default 1 s. */
  readonly downAfterMs?: number;
  /** Of the servers, for the default user. Default: none. */
  readonly password?: string;
  /** Of the sentinels themselves. Default: none. */
  readonly sentinelPassword?: string;
  /** Appended to the command line of master and replicas. */
  readonly args?: readonly string[];
}

/** A master with replicas, watched by Sentinels, all on loopback; they end with the test process however that ends. */
export class RedisSentinels implements AsyncDisposable {
  readonly masterName = MASTER_NAME;
  readonly sentinels: readonly RedisServer[];
  /** The first was the master at the start. */
  readonly servers: readonly RedisServer[];

  private constructor(sentinels: readonly RedisServer[], servers: readonly RedisServer[]) {
    this.sentinels = sentinels;
    this.servers = servers;
  }

  /** Resolves once the replicas have the master's data and every sentinel knows all others. */
  static async start(options: RedisSentinelsOptions = {}): Promise<RedisSentinels> {
    const { sentinels = 3, replicas = 1, password, sentinelPassword } = options;
    const credentials = password === undefined ? {} : { password };
    const args = [
      // Else the first synchronisation waits 5 s.
      ...['--repl-diskless-sync-delay', '0'],
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
      ...(options.args ?? []),
    ];
    const master = await RedisServer.start({ args, ...credentials });
    const following = await Promise.all(
      Array.from({ length: replicas }, () =>
        RedisServer.start({
          args: [...args, '--replicaof', `${master.host} ${master.port}`],
          clockMs: options.replicaClockMs ?? 0,
          ...credentials,
        }),
      ),
    );
    const ids = await Promise.all(
      Array.from({ length: sentinels }, async () => ({
        id: randomBytes(20).toString('hex'),
        port: await freePort(),
      })),
    );
    // All is told at once what else takes the sentinels seconds to find out.
    const watching = await Promise.all(
      ids.map(({ id, port }) =>
        RedisServer.start({
          port,
          ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
          sentinel: [
            `sentinel myid ${id}`,
            `sentinel monitor ${MASTER_NAME} ${master.host} ${master.port} ${options.quorum ?? 2}`,
            `sentinel down-after-milliseconds ${MASTER_NAME} ${options.downAfterMs ?? SECOND}`,
            `sentinel failover-timeout ${MASTER_NAME} 10000`,
            ...(password === undefined ? [] : [`sentinel auth-pass ${MASTER_NAME} ${password}`]),
            ...(sentinelPassword === undefined
              ? []
              : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
            ...following.map(({ host, port }) => `sentinel known-replica ${MASTER_NAME} ${host} ${port}`),
            ...ids
              .filter((other) => other.id !== id)
              .map((other) => `sentinel known-sentinel ${MASTER_NAME} 127.0.0.1 ${other.port} ${other.id}`),
            '',
          ].join('\n'),
        }),
      ),
    );
    const started = new RedisSentinels(watching, [master, ...following]);
    try {
      await started.whenWell();
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  /** Of the sentinels, as `--redis.endpoint` takes them. */
  get endpoints(): string[] {
    return this.sentinels.map(({ endpoint }) => endpoint);
  }

  /** Who is the master, by a sentinel that runs. */
  async master(): Promise<RedisServer> {
    for (const sentinel of this.sentinels) {
      if (!sentinel.running || sentinel.paused) continue;
      const [, port] = (await sentinel.cli('SENTINEL', 'get-master-addr-by-name', MASTER_NAME)).split('\n');
      const master = this.servers.find((server) => server.port === Number(port));
      if (master !== undefined) return master;
    }
    throw new Error('no sentinel knows the master');
  }

  /** Those that run and are not the master. */
  async replicas(): Promise<RedisServer[]> {
    const master = await this.master();
    return this.servers.filter((server) => server !== master && server.running);
  }

  /** As `cli` of the master. */
  async cli(...args: string[]): Promise<string> {
    return (await this.master()).cli(...args);
  }

  /** Resolves once a failover could succeed: replicas are in touch with the master, sentinels with each other. */
  async whenWell(): Promise<void> {
    const well = async (): Promise<boolean> => {
      const master = await this.master();
      if (!/role:master/.test(await master.cli('INFO', 'replication'))) return false;
      for (const server of this.servers) {
        if (server === master || !server.running || server.paused) continue;
        if (!/master_link_status:up/.test(await server.cli('INFO', 'replication'))) return false;
      }
      for (const sentinel of this.sentinels) {
        if (!sentinel.running || sentinel.paused) continue;
        if (!(await sentinel.cli('SENTINEL', 'CKQUORUM', MASTER_NAME)).startsWith('OK')) return false;
        const replicas = await sentinel.cli('SENTINEL', 'REPLICAS', MASTER_NAME);
        if (!replicas.includes('master-link-status\nok')) return false;
      }
      return true;
    };
    await until(() => well().catch(() => false), START_TIMEOUT_MS, 'the sentinels are well');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.kill()));
  }
}
