import { availableParallelism } from 'node:os';
import type { Config, RedisConfig, RedisTlsConfig } from './config.ts';
import { ConfigError, quote } from './config-error.ts';
import { type EndpointEntry, formatEndpoint, parseEndpoints } from './endpoints.ts';
import type { Values } from './schema.ts';

const MAX_DEFAULT_WORKERS = 8;

/**
 * The configuration that checked values stand for. Pure but for the number of cores.
 *
 * @throws {ConfigError} Two settings exclude each other, or one needs another.
 */
export function resolveConfig(values: Values, described: Readonly<Record<string, string>>): Config {
  checkPaths(values);
  if (values.push.max_buffered_bytes < values.push.max_body_bytes) {
    throw new ConfigError(
      'push.max_buffered_bytes: got less than push.max_body_bytes, takes room for one body at least',
      'push.max_buffered_bytes',
    );
  }
  const redis = resolveRedis(values.redis);
  const workers = values.workers || Math.min(availableParallelism(), MAX_DEFAULT_WORKERS);
  return {
    ...(values.host !== '' && { host: values.host }),
    port: values.port,
    ...(values.tls_enabled && { tls: resolveTls(values) }),
    paths: { metrics: values.metrics_path, telemetry: values.telemetry_path, ingest: values.ingest_path },
    web: {
      routePrefix: resolveRoutePrefix(values.web.route_prefix, values.web.external_url),
      enableLifecycle: values.web.enable_lifecycle,
      enableAdminApi: values.web.enable_admin_api,
    },
    log: { level: values.log_level, format: values.log_format },
    shutdownTimeoutMs: values.shutdown_timeout,
    workers,
    redis,
    expirationRules: values.expiration_rules,
    push: {
      maxBodyBytes: values.push.max_body_bytes,
      maxBufferedBytes: values.push.max_buffered_bytes,
      maxTtlMs: values.push.max_ttl,
      timestamps: values.push.timestamps,
      utf8Names: values.push.enable_utf8_names,
      expiryMetric: values.push.expiry_metric,
    },
    telemetry: { inMetrics: values.telemetry.in_metrics },
    ingest: {
      timestamps: values.ingest.timestamps,
      maxLineBytes: values.ingest.max_line_bytes,
      maxConcurrent: values.ingest.max_concurrent,
      minRateBytes: values.ingest.min_rate,
    },
    metrics: {
      compression: values.metrics.compression,
      maxConcurrent: values.metrics.max_concurrent,
      timeoutMs: values.metrics.timeout,
    },
    described: { ...described, workers: String(workers), 'redis.mode': redis.mode },
  };
}

/** Paths with a meaning of their own, together with all that is under them. */
const RESERVED = ['/-', '/api', '/metrics/job'] as const;

/** As in the official gateway: without a prefix of its own it is the path of the external URL. */
function resolveRoutePrefix(given: string, externalUrl: string): string {
  const path = given === '' && externalUrl !== '' ? new URL(externalUrl).pathname : given;
  return path.replace(/\/$/, '');
}

function checkPaths(values: Values): void {
  const seen = new Map<string, string>();
  for (const key of ['metrics_path', 'telemetry_path', 'ingest_path'] as const) {
    const path = values[key];
    const folded = path.toLowerCase();
    const taken = RESERVED.find((root) => folded === root || folded.startsWith(`${root}/`));
    if (taken !== undefined) {
      throw new ConfigError(`${key}: got ${quote(path)}, takes a path that is not under ${taken}/`, key);
    }
    if (folded === '/status') {
      throw new ConfigError(`${key}: got ${quote(path)}, takes another path than that of the status`, key);
    }
    const other = seen.get(folded);
    if (other !== undefined) {
      throw new ConfigError(`${key}: got ${quote(path)}, takes another path than ${other}`, key);
    }
    seen.set(folded, key);
  }
}

function resolveTls(values: Values): { keyPath: string; certPath: string } {
  for (const key of ['tls_key_path', 'tls_cert_path'] as const) {
    if (values[key] === '') {
      throw new ConfigError(
        `${key}: got nothing, takes the path of a PEM file when tls_enabled is true`,
        key,
      );
    }
  }
  return { keyPath: values.tls_key_path, certPath: values.tls_cert_path };
}

type RedisValues = Values['redis'];

function resolveRedis(values: RedisValues): RedisConfig {
  const parsed = parseEndpoints(values.endpoint) ?? [];
  const entries = parsed === 'embedded' ? [] : parsed;
  const isEmbedded = parsed === 'embedded';
  if (isEmbedded) {
    checkEmbedded(values);
  }
  const mode = isEmbedded ? 'server' : modeOf(values, entries);
  const username = agree('redis.username', values.username, entries, (entry) => entry.username);
  const password = agree('redis.password', values.password, entries, (entry) => entry.password);
  if (username !== undefined && password === undefined) {
    throw new ConfigError('redis.username: got a name, takes one only with redis.password', 'redis.username');
  }
  const dbText = values.db === 0 ? '' : String(values.db);
  const db = Number(agree('redis.db', dbText, entries, (entry) => entry.db?.toString()) ?? 0);
  if (mode === 'cluster' && db !== 0) {
    throw new ConfigError(`redis.db: got ${db}, takes only 0 with a Cluster`, 'redis.db');
  }
  const isTls = resolveIsTls(values, entries);
  return {
    isEmbedded,
    endpoints: entries.map(({ endpoint }) => endpoint),
    mode,
    ...(mode === 'sentinel' && { masterName: values.master_name }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db,
    ...(mode === 'sentinel' && { sentinel: resolveSentinel(values) }),
    ...(isTls && { tls: resolveRedisTls(values) }),
    timeoutMs: values.timeout,
    poolSize: values.pool_size,
    idleTimeoutMs: values.idle_timeout,
    maxConnectionAgeMs: values.max_connection_age,
    waitReplicas: values.wait_replicas,
    waitTimeoutMs: values.wait_timeout,
    isRequiredAtStart: values.required_at_start,
    expirationMs: values.expiration,
    keyPrefix: values.key_prefix,
    embedded: {
      ...(values.embedded.binary !== '' && { binary: values.embedded.binary }),
      ...(values.embedded.dir !== '' && { dir: values.embedded.dir }),
      maxMemoryBytes: values.embedded.max_memory,
    },
  };
}

/** The embedded server is private: it has no names, passwords or certificates. */
function checkEmbedded(values: RedisValues): void {
  const excluded: [string, boolean][] = [
    ['redis.mode', values.mode === 'cluster' || values.mode === 'sentinel'],
    ['redis.master_name', values.master_name !== ''],
    ['redis.username', values.username !== ''],
    ['redis.password', values.password !== ''],
    ['redis.tls_enabled', values.tls_enabled],
    ['redis.wait_replicas', values.wait_replicas > 0],
  ];
  for (const [key, given] of excluded) {
    if (given) {
      const message = `${key}: got a value that the embedded Redis does not have, takes none with redis.endpoint "embedded"`;
      throw new ConfigError(message, key);
    }
  }
}

function resolveSentinel(values: RedisValues): NonNullable<RedisConfig['sentinel']> {
  const { sentinel_username: username, sentinel_password: password, sentinel_tls_enabled: tls } = values;
  if (username !== '' && password === '') {
    throw new ConfigError(
      'redis.sentinel_username: got a name, takes one only with redis.sentinel_password',
      'redis.sentinel_username',
    );
  }
  return { ...(username !== '' && { username }), ...(password !== '' && { password }), tls };
}

function resolveRedisTls(values: RedisValues): RedisTlsConfig {
  const { tls_ca_path: caPath, tls_cert_path: certPath, tls_key_path: keyPath } = values;
  for (const [key, own, other, otherKey] of [
    ['redis.tls_cert_path', certPath, keyPath, 'redis.tls_key_path'],
    ['redis.tls_key_path', keyPath, certPath, 'redis.tls_cert_path'],
  ]) {
    if (own === '' && other !== '') {
      throw new ConfigError(`${key}: got nothing, takes the path of a PEM file with ${otherKey}`, key);
    }
  }
  return {
    skipVerify: values.tls_skip_verify,
    ...(caPath !== '' && { caPath }),
    ...(certPath !== '' && { certPath, keyPath }),
    ...(values.tls_server_name !== '' && { serverName: values.tls_server_name }),
  };
}

function modeOf(values: RedisValues, entries: readonly EndpointEntry[]): RedisConfig['mode'] {
  const addresses = entries.map(({ endpoint }) => formatEndpoint(endpoint));
  const twice = addresses.find((address, i) => addresses.indexOf(address) !== i);
  if (twice !== undefined) {
    throw new ConfigError(
      `redis.endpoint: got ${quote(twice)} twice, takes each address once`,
      'redis.endpoint',
    );
  }
  const automatic = values.mode === '' || values.mode === 'auto';
  const mode = automatic ? detectMode(values, entries) : (values.mode as RedisConfig['mode']);
  if (mode === 'sentinel' && values.master_name === '') {
    const message =
      'redis.master_name: got nothing, takes the name of the master when redis.mode is sentinel';
    throw new ConfigError(message, 'redis.master_name');
  }
  if (mode !== 'sentinel' && values.master_name !== '') {
    const message = `redis.mode: got ${quote(mode)}, takes only sentinel together with redis.master_name`;
    throw new ConfigError(message, 'redis.mode');
  }
  if (mode === 'server' && entries.length > 1) {
    const message = `redis.mode: got "server", takes only one address in redis.endpoint, which has ${entries.length}`;
    throw new ConfigError(message, 'redis.mode');
  }
  const socket = entries.find(({ endpoint }) => 'path' in endpoint);
  if (socket !== undefined && mode !== 'server') {
    const message = `redis.endpoint: got a Unix socket, takes only addresses with a port for a ${mode}`;
    throw new ConfigError(message, 'redis.endpoint');
  }
  return mode;
}

/** As the original does: a master name means Sentinel, several endpoints a Cluster. */
function detectMode(values: RedisValues, entries: readonly EndpointEntry[]): RedisConfig['mode'] {
  if (values.master_name !== '') {
    return 'sentinel';
  }
  return entries.length > 1 ? 'cluster' : 'server';
}

/** One value from a setting of its own and from what the endpoint URLs say; they must not differ. */
function agree(
  key: string,
  own: string,
  entries: readonly EndpointEntry[],
  read: (entry: EndpointEntry) => string | undefined,
): string | undefined {
  const all = [own === '' ? undefined : own, ...entries.map(read)].filter((value) => value !== undefined);
  if (new Set(all).size > 1) {
    const message = `${key}: got different values here and in redis.endpoint, or in two of its URLs, takes one`;
    throw new ConfigError(message, key);
  }
  return all[0];
}

function resolveIsTls(values: RedisValues, entries: readonly EndpointEntry[]): boolean {
  const secure = entries.filter((entry) => entry.secure === true).length;
  if (secure > 0 && secure < entries.length) {
    const message = 'redis.endpoint: got addresses with and without rediss://, takes one kind';
    throw new ConfigError(message, 'redis.endpoint');
  }
  const isTls = values.tls_enabled || secure > 0;
  if (isTls && entries.some(({ endpoint }) => 'path' in endpoint)) {
    const message = 'redis.tls_enabled: got true, takes only false with a Unix socket';
    throw new ConfigError(message, 'redis.tls_enabled');
  }
  return isTls;
}
