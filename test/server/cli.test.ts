import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError } from '../../config/config-error.ts';
import { settings } from '../../config/schema.ts';
import { type CommandLine, parseCommandLine } from '../../src/server/cli.ts';

const good: [argv: string[], expected: Partial<CommandLine>][] = [
  [[], { action: 'run', flags: {} }],
  [['--port', '9000'], { flags: { port: '9000' } }],
  [['--port=9000'], { flags: { port: '9000' } }],
  [['-p', '9000'], { flags: { port: '9000' } }],
  [['-p9000'], { flags: { port: '9000' } }],
  [
    ['-m', '/m', '-t', '/t', '-i', '/i'],
    { flags: { metrics_path: '/m', telemetry_path: '/t', ingest_path: '/i' } },
  ],
  [['--tls.enabled'], { flags: { tls_enabled: 'true' } }],
  [['--no-tls.enabled'], { flags: { tls_enabled: 'false' } }],
  [['--tls.enabled=false'], { flags: { tls_enabled: 'false' } }],
  [['--tls.enabled', 'true'], { flags: { tls_enabled: 'true' } }],
  [['--tls.enabled', '-p', '1'], { flags: { tls_enabled: 'true', port: '1' } }],
  [['--no-metrics.compression'], { flags: { 'metrics.compression': 'false' } }],
  [['--tls.key', 'k', '--tls.cert=c'], { flags: { tls_key_path: 'k', tls_cert_path: 'c' } }],
  [['--redis.master-name=m'], { flags: { 'redis.master_name': 'm' } }],
  [['--redis.password=--x=y'], { flags: { 'redis.password': '--x=y' } }],
  [['--redis.password='], { flags: { 'redis.password': '' } }],
  [['--redis.password', ''], { flags: { 'redis.password': '' } }],
  [['--redis.password=0123'], { flags: { 'redis.password': '0123' } }],
  [['--redis.endpoint', 'a,b'], { flags: { 'redis.endpoint': 'a,b' } }],
  [['--config.file=x.yml'], { action: 'run', flags: {}, configFile: 'x.yml' }],
  [['--check-config', '--config.file', 'x.yml'], { action: 'check-config', configFile: 'x.yml' }],
  [['--check-health', '--port=1'], { action: 'check-health', flags: { port: '1' } }],
  [['--port=nonsense'], { action: 'run', flags: { port: 'nonsense' } }],
  [['--'], { action: 'run', flags: {} }],
];

for (const [argv, expected] of good) {
  test(`good: ${JSON.stringify(argv)}`, () => {
    const commandLine = parseCommandLine(argv);
    assert.deepEqual({ ...commandLine, ...expected }, commandLine);
    assert.equal(commandLine.text, undefined);
  });
}

const bad: [argv: string[], message: string][] = [
  [['--prot=9000'], '"--prot": there is no such flag, did you mean --port?'],
  [['--metrics_path=/x'], '"--metrics_path": there is no such flag, did you mean --metrics.path?'],
  [['--no-port'], '"--no-port": there is no such flag, did you mean --port?'],
  [['--zzzzzzzzzzzz'], '"--zzzzzzzzzzzz": there is no such flag'],
  [['-x'], '"-x": there is no such flag'],
  [['--PORT=1'], '"--PORT": there is no such flag'],
  [['--port'], 'port (--port): got no value, takes a port number from 0 to 65535'],
  [['-p'], 'port (--port): got no value, takes a port number from 0 to 65535'],
  [['-hp'], 'port (--port): got no value, takes a port number from 0 to 65535'],
  [
    ['--port', '--tls.enabled'],
    'port (--port): got no value, takes a port number from 0 to 65535 (one that starts with - is written --port=VALUE)',
  ],
  [
    ['--port', '-1'],
    'port (--port): got no value, takes a port number from 0 to 65535 (one that starts with - is written --port=VALUE)',
  ],
  [['--config.file'], 'config.file (--config.file): got no value, takes the path of a YAML file'],
  [['--port=1', '-p', '2'], 'port (--port): got it twice, takes it once'],
  [['--tls.enabled', '--no-tls.enabled'], 'tls_enabled (--tls.enabled): got it twice, takes it once'],
  [['--config.file=a', '--config.file=b'], 'config.file (--config.file): got it twice, takes it once'],
  [['--version=1'], 'version (--version): got a value, takes none'],
  [['--no-tls.enabled=true'], 'tls_enabled (--tls.enabled): got a value, takes none'],
  [['start'], 'got the argument "start", takes only flags (see --help)'],
  [['--port=1', 'a\nb'], 'got the argument "a\\nb", takes only flags (see --help)'],
  [[''], 'got the argument "", takes only flags (see --help)'],
  [['--', '--port=1'], 'got the argument "--port=1", takes only flags (see --help)'],
  [['@file'], 'got the argument "@file", takes only flags (see --help)'],
];

for (const [argv, message] of bad) {
  test(`bad: ${JSON.stringify(argv)}`, () => {
    assert.throws(() => parseCommandLine(argv), { name: 'ConfigError', message });
  });
}

test('no mistake shows a secret', () => {
  const lines = [
    ['--redis.passwrod=hunter2'],
    ['--redis.passwrod', 'hunter2'],
    ["--redis.passwrod='hunter2"],
    ['--redis-password=hunter2\n(Did you mean --x?)'],
    ['--redis.password', 'correct', 'hunter2'],
    ['--redis.password=', 'hunter2'],
    ['--redis.endpoint', 'redis://user:correct', 'hunter2@host'],
    ['--redis.password=hunter2', '--redis.password=hunter3'],
    ['--redis.password', '-hunter2'],
    ['--redis.password=hunter2', '--nonsense'],
    ['--help=hunter2'],
  ];
  for (const argv of lines) {
    assert.throws(
      () => parseCommandLine(argv),
      (error: Error) => error instanceof ConfigError && !/hunter|\n/.test(error.message),
      argv.join(' '),
    );
  }
});

test('every setting has a flag, with and without =', () => {
  for (const { key, flag, short, kind } of settings) {
    assert.deepEqual(parseCommandLine([`--${flag}=x`]).flags, { [key]: 'x' });
    assert.deepEqual(parseCommandLine([`--${flag}`, 'x']).flags, { [key]: 'x' });
    if (short !== undefined) {
      assert.deepEqual(parseCommandLine([`-${short}`, 'x']).flags, { [key]: 'x' });
    }
    if (kind.name === 'boolean') {
      assert.deepEqual(parseCommandLine([`--no-${flag}`]).flags, { [key]: 'false' });
    }
  }
});

test('all flags at once', () => {
  const argv = settings.map(({ flag }) => `--${flag}=x`);
  assert.deepEqual(parseCommandLine(argv).flags, Object.fromEntries(settings.map(({ key }) => [key, 'x'])));
});

test('--version', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const { action, text } = parseCommandLine(['--version']);
  assert.equal(action, 'print');
  assert.equal(text, `pushgateway, version ${version}\n`);
});

test('help comes before everything else that is asked for', () => {
  for (const argv of [['-h'], ['--help'], ['--version', '--check-config', '--port=nonsense', '-h']]) {
    const { action, text } = parseCommandLine(argv);
    assert.equal(action, 'print');
    assert.match(text ?? '', /^usage: pushgateway \[<flags>\]\n/);
  }
});
