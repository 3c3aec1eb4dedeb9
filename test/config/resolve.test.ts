import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../config/load.ts';
import { toRedisOptions } from '../../config/redis-options.ts';

type Flags = Record<string, string>;

const redis = (flags: Flags) =>
  loadConfig({
    flags: Object.fromEntries(Object.entries(flags).map(([key, text]) => [`redis.${key}`, text])),
  }).redis;

const modes: [Flags, 'server' | 'cluster' | 'sentinel'][] = [
  [{}, 'server'],
  [{ endpoint: 'a' }, 'server'],
  [{ endpoint: 'unix:/run/redis.sock' }, 'server'],
  [{ endpoint: 'embedded' }, 'server'],
  [{ endpoint: 'embedded', mode: 'server' }, 'server'],
  [{ endpoint: 'a,b' }, 'cluster'],
  [{ endpoint: 'a,b', mode: 'auto' }, 'cluster'],
  [{ endpoint: 'a', mode: 'cluster' }, 'cluster'],
  [{ endpoint: 'a', master_name: 'm' }, 'sentinel'],
  [{ endpoint: 'a,b,c', master_name: 'm' }, 'sentinel'],
  [{ endpoint: 'a', master_name: 'm', mode: 'sentinel', db: '2' }, 'sentinel'],
];

test('the topology follows from what is given', () => {
  for (const [flags, mode] of modes) {
    assert.equal(redis(flags).mode, mode, JSON.stringify(flags));
  }
});

const exclusive: [Flags, RegExp][] = [
  [
    { 'redis.endpoint': 'a,b', 'redis.mode': 'server' },
    /^redis\.mode: got "server", takes only one address in redis\.endpoint, which has 2$/,
  ],
  [{ 'redis.mode': 'server', 'redis.master_name': 'm' }, /^redis\.mode: got "server", takes only sentinel/],
  [{ 'redis.mode': 'cluster', 'redis.master_name': 'm' }, /^redis\.mode: got "cluster", takes only sentinel/],
  [{ 'redis.mode': 'sentinel' }, /^redis\.master_name: got nothing, takes the name of the master/],
  [{ 'redis.endpoint': 'a,a:6379' }, /^redis\.endpoint: got "a:6379" twice, takes each address once$/],
  [{ 'redis.endpoint': 'a,b', 'redis.db': '1' }, /^redis\.db: got 1, takes only 0 with a Cluster$/],
  [{ 'redis.endpoint': 'redis://a/1,redis://b/1' }, /^redis\.db: got 1, takes only 0 with a Cluster$/],
  [{ 'redis.endpoint': 'unix:/a,b' }, /^redis\.endpoint: got a Unix socket/],
  [{ 'redis.endpoint': 'unix:/a', 'redis.mode': 'cluster' }, /^redis\.endpoint: got a Unix socket/],
  [{ 'redis.endpoint': 'unix:/a', 'redis.master_name': 'm' }, /^redis\.endpoint: got a Unix socket/],
  [
    { 'redis.endpoint': 'unix:/a', 'redis.tls_enabled': 'true' },
    /^redis\.tls_enabled: got true, takes only false/,
  ],
  [{ 'redis.endpoint': 'redis://a,rediss://b' }, /^redis\.endpoint: got addresses with and without rediss:/],
  [{ 'redis.endpoint': 'rediss://a,b' }, /^redis\.endpoint: got addresses with and without rediss:/],
  [
    { 'redis.endpoint': 'redis://:hunter2@a', 'redis.password': 'hunter3' },
    /^redis\.password: got different values/,
  ],
  [{ 'redis.endpoint': 'redis://:hunter2@a,redis://:hunter3@b' }, /^redis\.password: got different values/],
  [{ 'redis.endpoint': 'redis://u:p@a', 'redis.username': 'v' }, /^redis\.username: got different values/],
  [{ 'redis.endpoint': 'redis://a/1', 'redis.db': '2' }, /^redis\.db: got different values/],
  [{ 'redis.username': 'u' }, /^redis\.username: got a name, takes one only with redis\.password$/],
  [
    { 'redis.master_name': 'm', 'redis.sentinel_username': 'u' },
    /^redis\.sentinel_username: got a name, takes one only with redis\.sentinel_password$/,
  ],
  [
    { 'redis.tls_enabled': 'true', 'redis.tls_cert_path': '/c' },
    /^redis\.tls_key_path: got nothing, takes the path of a PEM file with redis\.tls_cert_path$/,
  ],
  [{ 'redis.endpoint': 'embedded', 'redis.wait_replicas': '1' }, /^redis\.wait_replicas: got a value/],
  [{ 'redis.endpoint': 'redis://u@a' }, /^redis\.username: got a name, takes one only with redis\.password$/],
  [{ 'redis.endpoint': 'embedded', 'redis.mode': 'cluster' }, /^redis\.mode: got a value/],
  [{ 'redis.endpoint': 'embedded', 'redis.mode': 'sentinel' }, /^redis\.mode: got a value/],
  [{ 'redis.endpoint': 'embedded', 'redis.master_name': 'm' }, /^redis\.master_name: got a value/],
  [{ 'redis.endpoint': 'embedded', 'redis.username': 'u' }, /^redis\.username: got a value/],
  [{ 'redis.endpoint': 'embedded', 'redis.password': 'hunter2' }, /^redis\.password: got a value/],
  [{ 'redis.endpoint': 'embedded', 'redis.tls_enabled': 'true' }, /^redis\.tls_enabled: got a value/],
  [{ telemetry_path: '/metrics' }, /^telemetry_path: got "\/metrics", takes another path than metrics_path$/],
  [{ ingest_path: '/metrics' }, /^ingest_path: got "\/metrics", takes another path than metrics_path$/],
  [{ ingest_path: '/telemetry' }, /^ingest_path: got "\/telemetry", takes another path than telemetry_path$/],
  [{ ingest_path: '/Metrics' }, /^ingest_path: got "\/Metrics", takes another path/],
  [
    { metrics_path: '/-/metrics' },
    /^metrics_path: got "\/-\/metrics", takes a path that is not under \/-\/$/,
  ],
  [{ telemetry_path: '/-' }, /^telemetry_path: got "\/-", takes a path that is not under/],
  [{ ingest_path: '/-/ready' }, /^ingest_path: got "\/-\/ready", takes a path that is not under/],
];

for (const [flags, message] of exclusive) {
  test(`settings that exclude each other: ${JSON.stringify(flags)}`, () => {
    assert.throws(
      () => loadConfig({ flags }),
      (error: Error & { setting?: string }) => {
        assert.equal(error.name, 'ConfigError');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter|\n/);
        assert.ok(error.setting && error.message.startsWith(error.setting));
        return true;
      },
    );
  });
}

test('paths that only look alike', () => {
  const { paths } = loadConfig({ flags: { metrics_path: '/-metrics', ingest_path: '/metrics/ingest' } });
  assert.deepEqual(paths, { metrics: '/-metrics', telemetry: '/telemetry', ingest: '/metrics/ingest' });
});

const POOL = {
  poolSize: 0,
  idleTimeoutMs: 0,
  maxConnectionAgeMs: 0,
  waitReplicas: 0,
  waitTimeoutMs: 1000,
};

test('what a URL says counts as if the settings did', () => {
  assert.deepEqual(toRedisOptions(loadConfig({ flags: { 'redis.endpoint': 'rediss://u:p%40@h:1/2' } })), {
    endpoints: [{ host: 'h', port: 1 }],
    mode: 'server',
    username: 'u',
    password: 'p@',
    db: 2,
    tls: { skipVerify: false },
    timeoutMs: 5000,
    keyPrefix: 'pushgateway:',
    ...POOL,
  });
  assert.equal(redis({ endpoint: 'redis://:p@a', password: 'p' }).password, 'p');
  assert.equal(redis({ endpoint: 'redis://a/2', db: '2' }).db, 2);
  assert.equal(redis({ endpoint: 'redis://a/2', db: '0' }).db, 2);
});

test('the options of a connection', () => {
  assert.deepEqual(toRedisOptions(loadConfig()), {
    endpoints: [{ host: 'localhost', port: 6379 }],
    mode: 'server',
    db: 0,
    timeoutMs: 5000,
    keyPrefix: 'pushgateway:',
    ...POOL,
  });
  const flags = {
    'redis.endpoint': 'a:1,[::1]:2',
    'redis.master_name': 'mymaster',
    'redis.username': 'u',
    'redis.password': 'p',
    'redis.db': '3',
    'redis.timeout': '1s',
    'redis.tls_enabled': 'true',
    'redis.tls_skip_verify': 'true',
    'redis.tls_server_name': 'redis.example.org',
    'redis.key_prefix': 'x:',
    'redis.sentinel_username': 'su',
    'redis.sentinel_password': 'sp',
    'redis.sentinel_tls_enabled': 'true',
    'redis.pool_size': '8',
    'redis.idle_timeout': '5m',
    'redis.max_connection_age': '1h',
    'redis.wait_replicas': '2',
    'redis.wait_timeout': '100ms',
  };
  assert.deepEqual(toRedisOptions(loadConfig({ flags })), {
    endpoints: [
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ],
    mode: 'sentinel',
    masterName: 'mymaster',
    sentinel: { username: 'su', password: 'sp', tls: true },
    username: 'u',
    password: 'p',
    db: 3,
    tls: { skipVerify: true, serverName: 'redis.example.org' },
    timeoutMs: 1000,
    keyPrefix: 'x:',
    poolSize: 8,
    idleTimeoutMs: 300_000,
    maxConnectionAgeMs: 3_600_000,
    waitReplicas: 2,
    waitTimeoutMs: 100,
  });
});

test('the embedded Redis has no address yet', () => {
  const config = loadConfig({ flags: { 'redis.endpoint': 'embedded' } });
  assert.equal(config.redis.isEmbedded, true);
  assert.deepEqual(toRedisOptions(config).endpoints, []);
  assert.equal(loadConfig().redis.isEmbedded, false);
});

test('workers: as many as given, else between 1 and 8', () => {
  assert.equal(loadConfig({ flags: { workers: '3' } }).workers, 3);
  const { workers } = loadConfig();
  assert.ok(workers >= 1 && workers <= 8);
});

test('the route prefix is a path without a slash at the end, by default that of the external URL', () => {
  const prefix = (flags: Record<string, string>) => loadConfig({ flags }).web.routePrefix;
  assert.equal(prefix({}), '');
  assert.equal(prefix({ 'web.route_prefix': '/' }), '');
  for (const given of ['pg', '/pg', '/pg/']) assert.equal(prefix({ 'web.route_prefix': given }), '/pg');
  assert.equal(prefix({ 'web.external_url': 'https://example.org/a/b/' }), '/a/b');
  assert.equal(prefix({ 'web.external_url': 'https://example.org' }), '');
  assert.equal(prefix({ 'web.external_url': 'http://h/a', 'web.route_prefix': '/' }), '');
  assert.equal(prefix({ 'web.external_url': 'http://h/a', 'web.route_prefix': '/b' }), '/b');
  for (const bad of ['/a//b', '/a?b', '/..', 'a b']) {
    assert.throws(() => prefix({ 'web.route_prefix': bad }), /web\.route_prefix/, bad);
  }
  for (const bad of ['example.org/a', 'ftp://h/', 'http://u:p@h/', 'http://h/?q', 'http://h/a%20b']) {
    assert.throws(() => prefix({ 'web.external_url': bad }), /web\.external_url/, bad);
  }
});

test('paths of the API are nobody else’s', () => {
  for (const path of ['/api/v1', '/api', '/metrics/job', '/metrics/job/x', '/status']) {
    assert.throws(() => loadConfig({ flags: { ingest_path: path } }), /^ConfigError: ingest_path: got/, path);
  }
});

test('the buffers hold one body at least', () => {
  const flags = { 'push.max_body_bytes': '2MiB', 'push.max_buffered_bytes': '1MiB' };
  assert.throws(() => loadConfig({ flags }), /push\.max_buffered_bytes/);
});
