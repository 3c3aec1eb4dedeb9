import type { RedisOptions as ClientOptions } from 'ioredis';
import { SECOND } from '../../units.ts';
import { StoreError } from '../failure.ts';
import type { RedisEndpoint, RedisOptions, RedisTls } from '../options.ts';

const CONNECT_TIMEOUT_MS = 2 * SECOND;
const SENTINEL_RETRY_MS = 1 * SECOND;

/** The library does nothing by itself but to connect. */
const DIRECT = {
  // Its flat arrays cost least, and every server speaks it.
  protocol: 2,
  replyMapping: 'legacy',
  connectTimeout: CONNECT_TIMEOUT_MS,
  // Ours is in Link; that of the library needs rights for INFO, and prints to the console without them.
  enableReadyCheck: false,
  // A write that waits here, or is sent again, would be carried out after its sender was told that it failed.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const;

/** What the client library is given for one connection to one server, or to the master that sentinels name. */
export type LinkOptions = ClientOptions & { replyMapping: 'legacy' };

/** To a server or a node of a Cluster. */
export function serverOptions(options: RedisOptions, endpoint: RedisEndpoint | undefined): LinkOptions {
  if (endpoint === undefined) throw new StoreError('other', 'no Redis endpoint is given');
  return {
    ...common(options),
    ...('path' in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port }),
  };
}

/** To each of the sentinels themselves. */
export function sentinelEndpoints(options: RedisOptions): LinkOptions[] {
  const { username, password, tls = false } = options.sentinel ?? {};
  return sentinelsOf(options).map(({ host, port }) => ({
    host,
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tlsOptions(options.tls ?? { skipVerify: false }) }),
    ...DIRECT,
  }));
}

function sentinelsOf(options: RedisOptions): Array<{ host: string; port: number }> {
  const sentinels = options.endpoints.flatMap((endpoint) => ('path' in endpoint ? [] : [endpoint]));
  if (sentinels.length === 0) throw new StoreError('other', 'no Redis endpoint is given');
  return sentinels;
}

/** To whoever is the master now. */
export function sentinelOptions(options: RedisOptions): LinkOptions {
  const sentinels = sentinelsOf(options);
  const { username, password, tls = false } = options.sentinel ?? {};
  return {
    ...common(options),
    sentinels,
    name: options.masterName ?? '',
    role: 'master',
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(tls && { sentinelTLS: tlsOptions(options.tls ?? { skipVerify: false }) }),
    enableTLSForSentinelMode: options.tls !== undefined,
    // Sentinels are listened to, and the connection is dropped when they name another master: one that hangs, or is
    // cut off, would not drop it itself.
    failoverDetector: true,
    sentinelReconnectStrategy: () => SENTINEL_RETRY_MS,
    sentinelRetryStrategy: () => SENTINEL_RETRY_MS,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
  };
}

function common(options: RedisOptions): LinkOptions {
  return {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined ? {} : { tls: tlsOptions(options.tls) }),
    db: options.db,
    connectionName: 'pushgateway',
    ...DIRECT,
    commandTimeout: options.timeoutMs,
  };
}

function tlsOptions({ skipVerify, ca, cert, key, serverName }: RedisTls) {
  return {
    rejectUnauthorized: !skipVerify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
