/** How to reach Redis, as plain data: it crosses to worker threads. Made from the configuration by the server. */
export interface RedisOptions {
  /** One address for a server; one or more nodes of a Cluster; the sentinels when `masterName` is set. */
  readonly endpoints: readonly RedisEndpoint[];
  readonly mode: 'server' | 'cluster' | 'sentinel';
  /** The name under which the sentinels know the master. Only with mode `sentinel`. */
  readonly masterName?: string;
  /** How the sentinels themselves are reached. Only with mode `sentinel`. */
  readonly sentinel?: {
    readonly username?: string;
    readonly password?: string;
    /** TLS to the sentinels, with the certificates of `tls` or, without those, the system's. */
    readonly tls?: boolean;
  };
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Undefined: no TLS. */
  readonly tls?: RedisTls;
  /** Longest time to wait for the answer to one command, ms. */
  readonly timeoutMs: number;
  /** Start of every key that belongs to this deployment. */
  readonly keyPrefix: string;
  /** Most connections to one server. Default: 1. */
  readonly poolSize?: number;
  /** A connection beyond the first that is unused for so long is closed. 0, the default: never. */
  readonly idleTimeoutMs?: number;
  /** A connection that is older is replaced by a new one. 0, the default: never. */
  readonly maxConnectionAgeMs?: number;
  /** So many replicas must have a write before it counts as stored. Default: 0. */
  readonly waitReplicas?: number;
  /** Longest time to wait for them, ms. Default: 1 s. */
  readonly waitTimeoutMs?: number;
}

export interface RedisTls {
  readonly skipVerify: boolean;
  /** In PEM format, as are the next two. Undefined: the certificate authorities that Node.js knows. */
  readonly ca?: string;
  /** Shown to Redis, together with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the certificate must have. Undefined: that of the endpoint. */
  readonly serverName?: string;
}

export type RedisEndpoint =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string };
