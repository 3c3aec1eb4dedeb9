import type { RedisEndpoint } from '../src/redis/options.ts';
import type { ExpirationRule } from './expiration-rules.ts';

/** The configuration in force: checked, frozen, with everything that is derived filled in. */
export interface Config {
  /** Undefined: all interfaces. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: plain HTTP. Both files have been read and fit each other. */
  readonly tls?: { readonly keyPath: string; readonly certPath: string };
  readonly paths: { readonly metrics: string; readonly telemetry: string; readonly ingest: string };
  readonly web: {
    /** Before every path: empty, or such as `/pushgateway`. */
    readonly routePrefix: string;
    readonly enableLifecycle: boolean;
    readonly enableAdminApi: boolean;
  };
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: 'logfmt' | 'json';
  };
  readonly shutdownTimeoutMs: number;
  /** Number of worker threads, at least 1. */
  readonly workers: number;
  readonly redis: RedisConfig;
  /** The first whose selector matches a group counts. */
  readonly expirationRules: readonly ExpirationRule[];
  /** Pushes to a group. */
  readonly push: {
    readonly maxBodyBytes: number;
    /** All bodies that are held at once. */
    readonly maxBufferedBytes: number;
    /** 0: no cap. */
    readonly maxTtlMs: number;
    readonly timestamps: 'reject' | 'strip' | 'honor';
    readonly utf8Names: boolean;
    /** Show push_expiry_time_seconds. */
    readonly expiryMetric: boolean;
  };
  readonly ingest: {
    readonly timestamps: 'strip' | 'honor' | 'reject';
    readonly maxLineBytes: number;
    readonly maxConcurrent: number;
    /** Bytes per second, averaged over 30 s. 0: no limit. */
    readonly minRateBytes: number;
  };
  readonly metrics: {
    readonly compression: boolean;
    readonly maxConcurrent: number;
    /** 0: no limit. */
    readonly timeoutMs: number;
  };
  readonly telemetry: {
    /** Show the gateway's own metrics on the metrics path, too. */
    readonly inMetrics: boolean;
  };
  /** Every key with its value as text, secrets masked. Read it through describeConfig. */
  readonly described: Readonly<Record<string, string>>;
}

export interface RedisConfig {
  /** The gateway starts a private redis-server; then `endpoints` is empty until its socket is known. */
  readonly isEmbedded: boolean;
  readonly endpoints: readonly RedisEndpoint[];
  readonly mode: 'server' | 'cluster' | 'sentinel';
  /** Only with mode `sentinel`. */
  readonly masterName?: string;
  /** Only with mode `sentinel`. */
  readonly sentinel?: { readonly username?: string; readonly password?: string; readonly tls: boolean };
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Undefined: no TLS. */
  readonly tls?: RedisTlsConfig;
  readonly timeoutMs: number;
  /** Of all workers together. 0: one each. */
  readonly poolSize: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  /** 0: never. */
  readonly maxConnectionAgeMs: number;
  readonly waitReplicas: number;
  readonly waitTimeoutMs: number;
  readonly isRequiredAtStart: boolean;
  /** 0: series are kept for ever. */
  readonly expirationMs: number;
  readonly keyPrefix: string;
  readonly embedded: {
    /** Undefined: redis-server, then valkey-server, on the PATH. */
    readonly binary?: string;
    /** Undefined: nothing is kept. */
    readonly dir?: string;
    /** 0: no limit. */
    readonly maxMemoryBytes: number;
  };
}

export interface RedisTlsConfig {
  readonly skipVerify: boolean;
  readonly caPath?: string;
  /** Given together with `keyPath`. */
  readonly certPath?: string;
  readonly keyPath?: string;
  readonly serverName?: string;
}
