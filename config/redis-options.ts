import { readFileSync } from 'node:fs';
import type { RedisOptions, RedisTls } from '../src/redis/options.ts';
import type { Config, RedisTlsConfig } from './config.ts';

/**
 * What a connection to Redis needs, as plain data for the worker threads. With the embedded Redis `endpoints` is empty:
 * the caller puts its socket there. `poolSize` is that of all workers together. Reads the certificates.
 */
export function toRedisOptions(config: Config): RedisOptions {
  const { redis } = config;
  return {
    endpoints: redis.endpoints,
    mode: redis.mode,
    ...(redis.masterName !== undefined && { masterName: redis.masterName }),
    ...(redis.sentinel !== undefined && { sentinel: redis.sentinel }),
    ...(redis.username !== undefined && { username: redis.username }),
    ...(redis.password !== undefined && { password: redis.password }),
    db: redis.db,
    ...(redis.tls !== undefined && { tls: readCertificates(redis.tls) }),
    timeoutMs: redis.timeoutMs,
    keyPrefix: redis.keyPrefix,
    poolSize: redis.poolSize,
    idleTimeoutMs: redis.idleTimeoutMs,
    maxConnectionAgeMs: redis.maxConnectionAgeMs,
    waitReplicas: redis.waitReplicas,
    waitTimeoutMs: redis.waitTimeoutMs,
  };
}

function readCertificates({ skipVerify, caPath, certPath, keyPath, serverName }: RedisTlsConfig): RedisTls {
  return {
    skipVerify,
    ...(caPath !== undefined && { ca: readFileSync(caPath, 'utf8') }),
    ...(certPath !== undefined && { cert: readFileSync(certPath, 'utf8') }),
    ...(keyPath !== undefined && { key: readFileSync(keyPath, 'utf8') }),
    ...(serverName !== undefined && { serverName }),
  };
}
