import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../config/config-error.ts';
import { loadConfig } from '../../config/load.ts';

const testdata = fileURLToPath(new URL('testdata/', import.meta.url));
const files = readdirSync(testdata);
const folder = mkdtempSync(join(tmpdir(), 'pushgateway-config-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

for (const name of files.filter((file) => file.endsWith('.yml.bad'))) {
  test(`${name}: one line that says what is wrong`, () => {
    const file = join(testdata, name);
    const expected = readFileSync(file, 'utf8').split('\n', 1)[0]?.slice('# '.length);
    assert.throws(() => loadConfig({ file }), { name: 'ConfigError', message: expected });
    assert.doesNotMatch(expected ?? '', /hunter2/);
  });
}

const good: Record<string, Record<string, string>> = {
  'alias.yml.good': { 'redis.idle_timeout': '1h', 'redis.max_connection_age': '1h' },
  'comment.yml.good': {},
  'document-marks.yml.good': { port: '9000' },
  'empty-section.yml.good': {},
  'empty.yml.good': {},
  'flow.yml.good': {
    port: '9000',
    'redis.endpoint': 'a,b',
    'redis.mode': 'cluster',
    'redis.expiration': '0',
  },
  'list.yml.good': { 'redis.endpoint': 'a:1,b:2', 'redis.mode': 'cluster' },
  'no-values.yml.good': {},
  'number-like-password.yml.good': { 'redis.password': '***' },
  'original-all-keys.yml.good': {
    port: '8080',
    metrics_path: '/m',
    telemetry_path: '/t',
    ingest_path: '/i',
    tls_key_path: '/etc/pushgateway/server.key',
    tls_cert_path: '/etc/pushgateway/server.crt',
    'redis.endpoint': 'a:26379,b:26379',
    'redis.mode': 'sentinel',
    'redis.master_name': 'mymaster',
    'redis.timeout': '1s',
    'redis.expiration': '1h30m',
    'redis.db': '2',
    'redis.pool_size': '10',
    'redis.password': '***',
    'redis.tls_enabled': 'true',
    'redis.tls_skip_verify': 'true',
    'redis.idle_timeout': '5m',
    'redis.max_connection_age': '1h',
  },
  'original.yml.good': { 'redis.endpoint': 'localhost:6379' },
  'quoted-values.yml.good': { port: '9000', 'redis.expiration': '10m' },
};

for (const name of files.filter((file) => file.endsWith('.yml.good'))) {
  test(`${name}: is read`, () => {
    const changed = good[name];
    assert.ok(changed, 'the table lacks this file');
    const { described } = loadConfig({ file: join(testdata, name) });
    assert.deepEqual(described, { ...loadConfig().described, ...changed });
  });
}

test('a value that looks like a number stays as it is written', () => {
  const { redis } = loadConfig({ file: join(testdata, 'number-like-password.yml.good') });
  assert.equal(redis.password, '0123');
});

test('Windows line ends and a byte order mark are no mistake', () => {
  const file = write('windows.yml', '\ufeff# Comment\r\nport: 9000\r\nredis:\r\n  db: 1\r\n');
  const config = loadConfig({ file });
  assert.equal(config.port, 9000);
  assert.equal(config.redis.db, 1);
});

test('a file that is missing', () => {
  const file = join(folder, 'none.yml');
  const message = `config.file: got ${JSON.stringify(file)}, takes a file that can be read (no such file)`;
  assert.throws(() => loadConfig({ file: 'none.yml' }), {
    name: 'ConfigError',
    message: 'config.file: got "none.yml", takes a file that can be read (no such file)',
  });
  assert.throws(
    () => loadConfig({ env: { PUSHGATEWAY_CONFIG_FILE: file } }),
    (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.ok(file.length > 80 || error.message === message, error.message);
      return true;
    },
  );
});

test('a folder in place of the file', () => {
  mkdirSync(join(folder, 'folder.yml'));
  assert.throws(() => loadConfig({ file: join(folder, 'folder.yml') }), {
    name: 'ConfigError',
    message: /^config\.file: got ".*", takes a file that can be read \(it is a directory\)$/,
  });
});

test('a file name that is empty', () => {
  assert.throws(() => loadConfig({ file: '' }), {
    name: 'ConfigError',
    message: /^config\.file: got "", takes/,
  });
});

test('files that would exhaust the parser', () => {
  const texts: [string, RegExp][] = [
    [`# ${'x'.repeat(1024 * 1024)}`, /takes a file of at most 1 MiB$/],
    ['['.repeat(20_000), /^config\.file \(deep\.yml\): got too many lists and mappings, takes valid YAML$/],
    ['{a: '.repeat(20_000), /got too many lists and mappings/],
    ['- '.repeat(20_000), /got too many lists and mappings/],
    [Array.from({ length: 1300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), /config\.file|"a"/],
  ];
  for (const [text, message] of texts) {
    const file = write('deep.yml', text);
    assert.throws(() => loadConfig({ file }), { name: 'ConfigError', message });
  }
});
