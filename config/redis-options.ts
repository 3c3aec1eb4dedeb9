import type { RedisOptions } from '../src/redis/options.ts';
import type { Config } from './config.ts';

/**
 * What a connection to Redis needs, as plain data for the worker threads. With the embedded Redis `endpoints` is empty:
 * the caller puts its socket there.
 */
export function toRedisOptions(config: Config): RedisOptions {
  const { endpoints, mode, masterName, username, password, db, tls, timeoutMs, keyPrefix } = config.redis;
  return {
    endpoints,
    mode,
    ...(masterName !== undefined && { masterName }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db,
    ...(tls !== undefined && { tls }),
    timeoutMs,
    keyPrefix,
  };
}
