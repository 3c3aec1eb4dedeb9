import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { settings } from '../../config/schema.ts';
import { parseCommandLine } from '../../src/server/cli.ts';
import { flags, flagTerm } from '../../src/server/cli-flags.ts';

const print = (flag: string, width = 80) => parseCommandLine([flag], { width, version: '1.2.3' }).text ?? '';

const OWN = [
  '--help',
  '--help-long',
  '--help-man',
  '--version',
  '--config.file',
  '--check-config',
  '--check-health',
];

/** What the original shows, but for the words. */
const ORIGINAL = [
  '  -h, --help  ',
  '      --config.file=CONFIG.FILE  ',
  '  -p, --port=9753  ',
  '      --[no-]tls.enabled  ',
  '      --tls.key=TLS.KEY  ',
  '      --tls.cert=TLS.CERT  ',
  '  -m, --metrics.path="/metrics"  ',
  '  -t, --telemetry.path="/telemetry"\n',
  '  -i, --ingest.path="/ingest"  ',
  '      --redis.endpoint=":6379"  ',
  '      --redis.expiration=5m  ',
  '      --log.level=info  ',
  '      --log.format=logfmt  ',
];

test("--help looks like the original's", () => {
  const text = print('--help');
  assert.ok(
    text.startsWith(
      'usage: pushgateway [<flags>]\n\nThe Prometheus Redis Pushgateway\n\nFlags:\n  -h, --help',
    ),
  );
  for (const line of ORIGINAL) {
    assert.ok(text.includes(`\n${line}`), line);
  }
  assert.ok(text.includes('\n  -p, --port=9753                Service port'));
  assert.doesNotMatch(text, /redis\.pool-size|PUSHGATEWAY_/);
});

test('--help fits the terminal', () => {
  for (const width of [60, 80, 120]) {
    const longest = Math.max(
      ...print('--help', width)
        .split('\n')
        .map((line) => line.length),
    );
    assert.ok(longest <= width, `${longest} columns for ${width}`);
  }
  // Too narrow for two columns: still whole.
  assert.ok(print('--help', 1).includes('--redis.endpoint'));
});

test('--help-long has every flag, key and variable', () => {
  const text = print('--help-long');
  for (const name of OWN) {
    assert.match(text, new RegExp(`[ ,]${name.replaceAll('.', '\\.')}[ =\n]`), name);
  }
  for (const { key, flag, env } of settings) {
    assert.ok(text.includes(flag), flag);
    assert.ok(text.includes(`[${key}]\n`), key);
    assert.ok(text.includes(`[${env}]\n`), env);
  }
  assert.ok(text.includes('[PUSHGATEWAY_CONFIG_FILE]\n'));
});

test('defaults are shown', () => {
  const text = print('--help-long');
  for (const flag of flags.filter(({ setting }) => setting?.default)) {
    const isBoolean = flag.kind === 'boolean';
    assert.ok(text.includes(flagTerm(flag)), flag.name);
    assert.ok(isBoolean || flagTerm(flag).includes(flag.setting?.default ?? ''), flag.name);
  }
  assert.match(text, /--\[no-\]metrics\.compression\n[^[]*\[default: true\]/);
});

test('every line of help ends without blanks', () => {
  for (const flag of ['--help', '--help-long', '--help-man']) {
    assert.doesNotMatch(print(flag), /[ \t]$/m);
    assert.match(print(flag), /[^\n]\n$/);
  }
});

const hasMan = spawnSync('man', ['--version']).status === 0;

test('--help-man is a man page that man shows without warnings', {
  skip: !hasMan && 'man is missing',
}, () => {
  const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-'], {
    input: print('--help-man'),
    encoding: 'utf8',
    env: { ...process.env, MANPAGER: 'cat', MANWIDTH: '200', LC_ALL: 'C.UTF-8', MAN_KEEP_FORMATTING: '' },
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.match(stdout, /^PUSHGATEWAY\(1\)/);
  assert.match(stdout, /pushgateway 1\.2\.3/);
  for (const section of [
    'NAME',
    'SYNOPSIS',
    'DESCRIPTION',
    'OPTIONS',
    'CONFIGURATION FILE',
    'ENVIRONMENT',
    'EXIT STATUS',
  ]) {
    assert.ok(stdout.includes(`\n${section}\n`), section);
  }
  for (const flag of flags) {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    assert.ok(stdout.includes(`\n       ${short}${flagTerm(flag)}\n`), flag.name);
    assert.ok(stdout.includes(flag.doc), flag.doc);
    assert.ok(flag.setting === undefined || stdout.includes(flag.setting.env), flag.name);
  }
});

test('--help-man: nothing of the text is taken for a request', () => {
  const requests = new Set(['.TH', '.SH', '.TP', '.B', '.br']);
  for (const line of print('--help-man').split('\n')) {
    assert.ok(!/^[.']/.test(line) || requests.has(line.split(' ')[0] ?? ''), line);
  }
});
