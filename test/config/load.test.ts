import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../config/config-error.ts';
import { describeConfig, loadConfig } from '../../config/load.ts';
import { settings, settingsByKey } from '../../config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushgateway-config-'));
after(() => rmSync(folder, { recursive: true }));
const keyPath = fileURLToPath(new URL('testdata/server.key', import.meta.url));
const certPath = fileURLToPath(new URL('testdata/server.crt', import.meta.url));

type Texts = Readonly<Record<string, string>>;

/** For each key another value than the default, and what it needs beside it. */
const samples: Record<string, { text: string; with?: Texts }> = {
  port: { text: '9000' },
  host: { text: '127.0.0.1' },
  tls_enabled: { text: 'true', with: { tls_key_path: keyPath, tls_cert_path: certPath } },
  tls_key_path: { text: keyPath, with: { tls_enabled: 'true', tls_cert_path: certPath } },
  tls_cert_path: { text: certPath, with: { tls_enabled: 'true', tls_key_path: keyPath } },
  metrics_path: { text: '/m' },
  telemetry_path: { text: '/t' },
  ingest_path: { text: '/i' },
  'web.route_prefix': { text: '/pg' },
  'web.external_url': { text: 'https://example.org/pg' },
  'web.enable_lifecycle': { text: 'true' },
  'web.enable_admin_api': { text: 'true' },
  log_level: { text: 'debug' },
  log_format: { text: 'json' },
  shutdown_timeout: { text: '1m30s' },
  workers: { text: '17' },
  expiration_rules: { text: '{job="a"}=1h;{job=~"b.*"}=0' },
  'redis.endpoint': { text: 'redis:7000' },
  'redis.mode': { text: 'cluster' },
  'redis.master_name': { text: 'mymaster' },
  'redis.sentinel_username': {
    text: 'watcher',
    with: { 'redis.master_name': 'm', 'redis.sentinel_password': 'x' },
  },
  'redis.sentinel_password': { text: 'hunter4', with: { 'redis.master_name': 'm' } },
  'redis.sentinel_tls_enabled': { text: 'true', with: { 'redis.master_name': 'm' } },
  'redis.expiration': { text: '1h30m' },
  'redis.timeout': { text: '300ms' },
  'redis.db': { text: '7' },
  'redis.username': { text: 'someone', with: { 'redis.password': 'x' } },
  'redis.password': { text: 'hunter2: #"\'' },
  'redis.tls_enabled': { text: 'true' },
  'redis.tls_skip_verify': { text: 'true', with: { 'redis.tls_enabled': 'true' } },
  'redis.tls_ca_path': { text: certPath, with: { 'redis.tls_enabled': 'true' } },
  'redis.tls_cert_path': {
    text: certPath,
    with: { 'redis.tls_enabled': 'true', 'redis.tls_key_path': keyPath },
  },
  'redis.tls_key_path': {
    text: keyPath,
    with: { 'redis.tls_enabled': 'true', 'redis.tls_cert_path': certPath },
  },
  'redis.tls_server_name': { text: 'redis.example.org', with: { 'redis.tls_enabled': 'true' } },
  'redis.key_prefix': { text: 'other:' },
  'redis.pool_size': { text: '10' },
  'redis.idle_timeout': { text: '5m' },
  'redis.max_connection_age': { text: '1h' },
  'redis.wait_replicas': { text: '1' },
  'redis.wait_timeout': { text: '300ms' },
  'redis.required_at_start': { text: 'true' },
  'redis.embedded.binary': { text: '/bin/sh', with: { 'redis.endpoint': 'embedded' } },
  'redis.embedded.dir': { text: '/var/lib/pushgateway', with: { 'redis.endpoint': 'embedded' } },
  'redis.embedded.max_memory': { text: '64MiB', with: { 'redis.endpoint': 'embedded' } },
  'push.max_body_bytes': { text: '1MiB' },
  'push.max_buffered_bytes': { text: '128MiB' },
  'push.max_ttl': { text: '48h' },
  'push.timestamps': { text: 'strip' },
  'push.enable_utf8_names': { text: 'false' },
  'push.expiry_metric': { text: 'false' },
  'ingest.timestamps': { text: 'honor' },
  'ingest.max_line_bytes': { text: '1MiB' },
  'ingest.max_concurrent': { text: '5' },
  'ingest.min_rate': { text: '1KiB' },
  'telemetry.in_metrics': { text: 'true' },
  'metrics.compression': { text: 'false' },
  'metrics.max_concurrent': { text: '3' },
  'metrics.timeout': { text: '10s' },
};
function asEnv(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [
      `PUSHGATEWAY_${key.replaceAll('.', '_').toUpperCase()}`,
      text,
    ]),
  );
}

/** A file with the texts, nested by hand, so that it does not depend on how the gateway writes YAML. */
function asFile(texts: Texts): string {
  const tree: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(texts)) {
    const path = key.split('.');
    const last = path.pop() as string;
    let node = tree;
    for (const part of path) {
      node[part] ??= {};
      node = node[part] as Record<string, unknown>;
    }
    node[last] = text;
  }
  const write = (node: Record<string, unknown>, margin: string): string =>
    Object.entries(node)
      .map(([name, value]) =>
        typeof value === 'object'
          ? `${margin}${name}:\n${write(value as Record<string, unknown>, `${margin}  `)}`
          : `${margin}${name}: ${/^[\w/]+$/.test(String(value)) ? value : JSON.stringify(value)}\n`,
      )
      .join('');
  const file = join(folder, 'sample.yml');
  writeFileSync(file, write(tree, ''));
  return file;
}

test('there is a sample for every key', () => {
  assert.deepEqual(
    Object.keys(samples),
    settings.map(({ key }) => key),
  );
});

for (const [key, { text, with: needed = {} }] of Object.entries(samples)) {
  test(`${key}: the same by flag, variable and file`, () => {
    const texts = { ...needed, [key]: text };
    const byFlag = loadConfig({ flags: texts });
    const isSecret = key.endsWith('password');
    assert.equal(describeConfig(byFlag)[key], isSecret ? '***' : text);
    assert.deepEqual(loadConfig({ env: asEnv(texts) }), byFlag);
    assert.deepEqual(loadConfig({ file: asFile(texts) }), byFlag);

    const { described: _, ...without } = loadConfig({
      flags: /tls_(cert|key)_path$/.test(key) ? {} : needed,
    });
    const { described: __, ...config } = byFlag;
    assert.notDeepEqual(config, without);
  });

  test(`${key}: flag before variable before file before default`, () => {
    const { kind, default: fallback } = settingsByKey.get(key) as (typeof settings)[number];
    const sources = { flags: { ...needed, [key]: text }, env: asEnv({ [key]: fallback }) };
    assert.deepEqual(loadConfig({ ...sources, file: asFile({ [key]: fallback }) }), loadConfig(sources));
    assert.deepEqual(loadConfig(sources), loadConfig({ flags: sources.flags }));
    const overridden = { env: asEnv({ ...needed, [key]: text }), file: asFile({ [key]: fallback }) };
    assert.deepEqual(loadConfig(overridden), loadConfig({ flags: sources.flags }));
    assert.ok(kind.parse(fallback) !== undefined, 'the default is no value of its format');
  });

  test(`${key}: an empty variable counts as not set`, () => {
    assert.deepEqual(loadConfig({ env: asEnv({ [key]: '' }) }), loadConfig());
  });
}

test('a later source can set a value back', () => {
  assert.equal(
    loadConfig({ env: { PUSHGATEWAY_REDIS_EXPIRATION: '1h' }, flags: { 'redis.expiration': '0' } }).redis
      .expirationMs,
    0,
  );
  assert.equal(loadConfig({ env: { PUSHGATEWAY_HOST: 'a' }, flags: { host: '' } }).host, undefined);
});

const mistakes: [title: string, flags: Texts, message: string][] = [
  ['port', { port: '65536' }, 'port (--port): got "65536", takes a port number from 0 to 65535'],
  ['empty port', { port: '' }, 'port (--port): got "", takes a port number from 0 to 65535'],
  [
    'duration without unit',
    { 'redis.expiration': '300' },
    'redis.expiration (--redis.expiration): got "300", takes a duration from 0 to 876000h, such as 300ms, 5m or 1h30m',
  ],
  [
    'a timeout of nothing',
    { 'redis.timeout': '0' },
    'redis.timeout (--redis.timeout): got "0", takes a duration from 1ms to 24h, such as 300ms, 5m or 1h30m',
  ],
  ['boolean', { tls_enabled: 'maybe' }, 'tls_enabled (--tls.enabled): got "maybe", takes true or false'],
  [
    'choice',
    { log_level: 'trace' },
    'log_level (--log.level): got "trace", takes one of debug, info, warn, error',
  ],
  [
    'choice with an empty default',
    { 'redis.mode': 'ring' },
    'redis.mode (--redis.mode): got "ring", takes one of auto, server, cluster, sentinel',
  ],
  [
    'size',
    { 'ingest.max_line_bytes': '1KB' },
    'ingest.max_line_bytes (--ingest.max-line-bytes): got "1KB", takes a size from 1KiB to 16MiB, such as 4096, 512KiB or 64MiB',
  ],
  [
    'prefix with braces',
    { 'redis.key_prefix': '{x}' },
    'redis.key_prefix (--redis.key-prefix): got "{x}", takes 1 to 64 bytes of text without { or } or control characters',
  ],
  [
    'control characters are escaped and long values clipped',
    { log_format: `\n\u001b[31m\u0085\u2028${'x'.repeat(200)}` },
    `log_format (--log.format): got "\\n\\u001b[31m\\u0085\\u2028${'x'.repeat(72)}…", takes one of logfmt, json`,
  ],
  ['unknown setting', { prot: '1' }, '"prot": there is no such setting'],
  ['no own property', { constructor: '1' }, '"constructor": there is no such setting'],
];

for (const [title, flags, message] of mistakes) {
  test(`a mistake on the command line: ${title}`, () => {
    assert.throws(() => loadConfig({ flags }), { name: 'ConfigError', code: 'ERR_CONFIG', message });
  });
}

test('a mistake in a variable names the variable', () => {
  assert.throws(() => loadConfig({ env: { PUSHGATEWAY_REDIS_TIMEOUT: '5x' } }), {
    name: 'ConfigError',
    message:
      'redis.timeout (PUSHGATEWAY_REDIS_TIMEOUT): got "5x", takes a duration from 1ms to 24h, such as 300ms, 5m or 1h30m',
  });
});

test('a mistake is one also where a flag overrides it', () => {
  assert.throws(() => loadConfig({ env: { PUSHGATEWAY_PORT: 'x' }, flags: { port: '1' } }), ConfigError);
});

test('what Kubernetes says about a Service named pushgateway is not our port', () => {
  const env = {
    PUSHGATEWAY_PORT: 'tcp://10.96.0.7:9753',
    PUSHGATEWAY_SERVICE_HOST: '10.96.0.7',
    PUSHGATEWAY_PORT_9753_TCP: 'tcp://10.96.0.7:9753',
  };
  assert.equal(loadConfig({ env }).port, 9753);
});

test('the file can be named by a variable, and the command line overrides it', () => {
  const file = asFile({ port: '9001' });
  const env = { PUSHGATEWAY_CONFIG_FILE: file };
  assert.equal(loadConfig({ env }).port, 9001);
  const other = join(folder, 'other.yml');
  writeFileSync(other, 'port: 9002\n');
  assert.equal(loadConfig({ env, file: other }).port, 9002);
  assert.equal(loadConfig({ env: { PUSHGATEWAY_CONFIG_FILE: '' } }).port, 9753);
});

test('no secret is in a description or a message', () => {
  const flags = { 'redis.endpoint': 'redis://user:hunter2@host:1', 'redis.password': 'hunter2' };
  const config = loadConfig({ flags });
  assert.equal(config.redis.password, 'hunter2');
  assert.doesNotMatch(JSON.stringify(describeConfig(config)), /hunter2/);
  for (const bad of [
    { 'redis.password': 'hunter2\n' },
    { 'redis.endpoint': 'redis://user:hunter2@host:0' },
    { 'redis.endpoint': 'redis://user:hunter2' },
    { 'redis.endpoint': 'redis://user:hunter3@host', 'redis.password': 'hunter2' },
    { 'redis.endpoint': 'embedded', 'redis.password': 'hunter2' },
  ]) {
    assert.throws(
      () => loadConfig({ flags: bad as Texts }),
      (error: Error) => error instanceof ConfigError && !/hunter/.test(error.message),
    );
  }
});

test('an unset password is shown as unset', () => {
  assert.equal(describeConfig(loadConfig())['redis.password'], '');
});

test('the description says what was decided', () => {
  const described = describeConfig(loadConfig({ flags: { 'redis.endpoint': 'a,b', workers: '0' } }));
  assert.equal(described['redis.mode'], 'cluster');
  assert.notEqual(described.workers, '0');
  assert.deepEqual(
    Object.keys(described),
    settings.map(({ key }) => key),
  );
});

test('the configuration is frozen through and through', () => {
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      assert.ok(Object.isFrozen(value), path);
      for (const [name, child] of Object.entries(value)) {
        visit(child, `${path}.${name}`);
      }
    }
  };
  const flags = {
    tls_enabled: 'true',
    tls_key_path: keyPath,
    tls_cert_path: certPath,
    'redis.tls_enabled': 'true',
  };
  visit(loadConfig({ flags }), 'config');
});

test('loading leaves nothing behind', () => {
  loadConfig({ flags: { port: '9000' }, env: { PUSHGATEWAY_HOST: 'a' } });
  const config = loadConfig();
  assert.equal(config.port, 9753);
  assert.equal(config.host, undefined);
});
