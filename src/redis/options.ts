/** How to reach Redis, as plain data: it crosses to worker threads. Made from the configuration by the server. */
export interface RedisOptions {
  /** One address for a server; several for a Cluster; the sentinels when `masterName` is set. */
  readonly endpoints: readonly RedisEndpoint[];
  readonly mode: 'server' | 'cluster' | 'sentinel';
  /** The name under which the sentinels know the master. Only with mode `sentinel`. */
  readonly masterName?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Undefined: no TLS. */
  readonly tls?: { readonly skipVerify: boolean };
  /** Longest time to wait for the answer to one command, ms. */
  readonly timeoutMs: number;
  /** Start of every key that belongs to this deployment. */
  readonly keyPrefix: string;
}

export type RedisEndpoint =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string };
