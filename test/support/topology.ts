import type { RedisEndpoint, RedisOptions } from '../../src/redis/options.ts';
import { SECOND } from '../../src/units.ts';
import { RedisCluster } from './redis-cluster.ts';
import { RedisSentinels } from './redis-sentinels.ts';
import { RedisServer } from './redis-server.ts';

export const PREFIX = 'test:';

/** So long that no test of the storage sees a failover, also when it stops all servers for a while. */
const NO_FAILOVER_MS = 20 * SECOND;

export type TopologyName = RedisOptions['mode'];

/** A Redis that runs, of whatever topology, as a test of the storage sees it. */
export interface Topology extends AsyncDisposable {
  readonly name: TopologyName;
  options(overrides?: Partial<RedisOptions>): RedisOptions;
  /** What tells the gateway to use it. */
  readonly gatewayArgs: readonly string[];
  /** Removes everything. */
  flush(): Promise<void>;
  /** As `redis-cli` prints it, wherever the key lies; what is about whole servers goes to all masters. */
  cli(...args: string[]): Promise<string>;
  /** Freezes all servers. */
  pause(): void;
  resume(): void;
  /** Ends all servers as a crash would. */
  kill(): Promise<void>;
  /** All servers anew and empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const TOPOLOGIES: ReadonlyArray<{ readonly name: TopologyName; start(): Promise<Topology> }> = [
  {
    name: 'server',
    start: async () => serverTopology(await RedisServer.start()),
  },
  {
    name: 'cluster',
    start: async () => {
      const cluster = await RedisCluster.start();
      // Not from the start: the nodes find each other the faster the sooner they give up.
      const timeout = ['CONFIG', 'SET', 'cluster-node-timeout', String(NO_FAILOVER_MS)];
      await Promise.all(cluster.nodes.map((node) => node.cli(...timeout)));
      return topology('cluster', cluster, cluster.nodes, {
        options: { endpoints: cluster.nodes.map(endpointOf) },
        gatewayArgs: [`--redis.endpoint=${cluster.endpoints.join(',')}`],
      });
    },
  },
  {
    name: 'sentinel',
    start: async () => {
      const set = await RedisSentinels.start({ downAfterMs: NO_FAILOVER_MS });
      return topology('sentinel', set, [...set.sentinels, ...set.servers], {
        options: { endpoints: set.sentinels.map(endpointOf), masterName: set.masterName },
        gatewayArgs: [`--redis.endpoint=${set.endpoints.join(',')}`, `--redis.master-name=${set.masterName}`],
      });
    },
  },
];

/** The topology that the tests of the storage run on: `TEST_TOPOLOGY`, by default one server. */
const TOPOLOGY = (process.env.TEST_TOPOLOGY || 'server') as TopologyName;

export function startTopology(name: TopologyName = TOPOLOGY): Promise<Topology> {
  const found = TOPOLOGIES.find((known) => known.name === name);
  if (found === undefined) throw new Error(`TEST_TOPOLOGY=${name}: server, cluster or sentinel`);
  return found.start();
}

export function serverTopology(server: RedisServer): Topology {
  return topology('server', server, [server], {
    options: { endpoints: [endpointOf(server)] },
    gatewayArgs: [`--redis.endpoint=${server.endpoint}`],
  });
}

interface Servers extends AsyncDisposable {
  cli(...args: string[]): Promise<string>;
  whenWell?(): Promise<void>;
}

function topology(
  name: TopologyName,
  servers: Servers,
  processes: readonly RedisServer[],
  reach: { options: Partial<RedisOptions>; gatewayArgs: readonly string[] },
): Topology {
  return {
    name,
    gatewayArgs: reach.gatewayArgs,
    options: (overrides = {}) => ({
      endpoints: [],
      mode: name,
      db: 0,
      timeoutMs: 5000,
      keyPrefix: PREFIX,
      ...reach.options,
      ...overrides,
    }),
    cli: (...args) => servers.cli(...args),
    flush: async () => {
      await servers.cli('FLUSHALL');
    },
    pause: () => {
      for (const process of processes) process.pause();
    },
    resume: () => {
      for (const process of processes) process.resume();
    },
    kill: async () => {
      await Promise.all(processes.map((process) => process.kill()));
    },
    restart: async () => {
      await Promise.all(processes.map((process) => process.restart()));
      await servers.whenWell?.();
    },
    stop: async () => servers[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: async () => servers[Symbol.asyncDispose](),
  };
}

function endpointOf({ host, port }: RedisServer): RedisEndpoint {
  return { host, port };
}
