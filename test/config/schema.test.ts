import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settings } from '../../config/schema.ts';

const names = new Map(
  settings.map(({ key, flag, short, env, default: value }) => [key, { flag, short, env, value }]),
);

/** The flags, keys and defaults that users of the original have in their scripts and files. */
const original: [key: string, flag: string, short: string | undefined, value: string][] = [
  ['port', 'port', 'p', '9753'],
  ['tls_enabled', 'tls.enabled', undefined, 'false'],
  ['tls_key_path', 'tls.key', undefined, ''],
  ['tls_cert_path', 'tls.cert', undefined, ''],
  ['metrics_path', 'metrics.path', 'm', '/metrics'],
  ['telemetry_path', 'telemetry.path', 't', '/telemetry'],
  ['ingest_path', 'ingest.path', 'i', '/ingest'],
  ['redis.endpoint', 'redis.endpoint', undefined, ':6379'],
  ['redis.expiration', 'redis.expiration', undefined, '5m'],
  ['log_level', 'log.level', undefined, 'info'],
  ['log_format', 'log.format', undefined, 'logfmt'],
];

test("the original's settings are unchanged", () => {
  for (const [key, flag, short, value] of original) {
    const setting = names.get(key);
    assert.deepEqual([setting?.flag, setting?.short, setting?.value], [flag, short, value], key);
  }
});

test('names follow the rule', () => {
  const rule: [key: string, flag: string, env: string][] = [
    ['log_level', 'log.level', 'PUSHGATEWAY_LOG_LEVEL'],
    ['shutdown_timeout', 'shutdown.timeout', 'PUSHGATEWAY_SHUTDOWN_TIMEOUT'],
    ['workers', 'workers', 'PUSHGATEWAY_WORKERS'],
    ['tls_key_path', 'tls.key', 'PUSHGATEWAY_TLS_KEY_PATH'],
    ['redis.master_name', 'redis.master-name', 'PUSHGATEWAY_REDIS_MASTER_NAME'],
    ['redis.embedded.max_memory', 'redis.embedded.max-memory', 'PUSHGATEWAY_REDIS_EMBEDDED_MAX_MEMORY'],
  ];
  for (const [key, flag, env] of rule) {
    assert.deepEqual([names.get(key)?.flag, names.get(key)?.env], [flag, env], key);
  }
});

test('no two settings share a flag, a letter or a variable', () => {
  for (const property of ['flag', 'short', 'env'] as const) {
    const all = settings.map((setting) => setting[property]).filter((name) => name !== undefined);
    assert.equal(new Set(all).size, all.length, property);
  }
});

test('every setting is described in one line', () => {
  for (const { key, doc } of settings) {
    assert.match(doc, /^[A-Z][^\n]+[.\]]$/, key);
  }
});
