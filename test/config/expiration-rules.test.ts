import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../config/config-error.ts';
import { describeConfig, loadConfig } from '../../config/load.ts';

const HOUR = 3_600_000;

function fromFlag(text: string) {
  return loadConfig({ flags: { expiration_rules: text } }).expirationRules;
}

function fromFile(yaml: string) {
  const directory = mkdtempSync(join(tmpdir(), 'rules-'));
  try {
    const file = join(directory, 'pushgw.yml');
    writeFileSync(file, yaml);
    return loadConfig({ file });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('there are no rules by default', () => {
  assert.deepEqual(loadConfig().expirationRules, []);
});

test('rules in one line keep their order, whatever their strings hold', () => {
  assert.deepEqual(fromFlag('{job="nightly"}=26h;{job=~"x.*"}=0'), [
    { match: '{job="nightly"}', expirationMs: 26 * HOUR },
    { match: '{job=~"x.*"}', expirationMs: 0 },
  ]);
  assert.deepEqual(fromFlag(String.raw` {job="a;}\"=1h", b!='}'} = 90m ; `), [
    { match: String.raw`{job="a;}\"=1h", b!='}'}`, expirationMs: 1.5 * HOUR },
  ]);
});

test('rules in the file are a list', () => {
  const config = fromFile(`expiration_rules:
  - match: '{job="nightly"}'
    expiration: 26h
  - {expiration: 0, match: '{job=~"x.*"}'}
`);
  assert.deepEqual(config.expirationRules, fromFlag('{job="nightly"}=26h;{job=~"x.*"}=0'));
  assert.equal(describeConfig(config)['expiration_rules'], '{job="nightly"}=26h;{job=~"x.*"}=0');
  assert.deepEqual(fromFile('expiration_rules: []\n').expirationRules, []);
});

test('what is not a rule is refused', () => {
  for (const text of [
    '{job="a"}',
    '{job="a"}=',
    '{job="a"}=5',
    '{job="a"}=-1h',
    '{job="a"=1h',
    'job=1h',
    '{a="b"}=1h{c="d"}=1h',
    '=1h',
  ]) {
    assert.throws(() => fromFlag(text), ConfigError, text);
  }
  for (const yaml of [
    'expiration_rules: [a]\n',
    'expiration_rules:\n  - match: "{}"\n',
    'expiration_rules:\n  - match: "{}"\n    expiration: 1h\n    more: 1\n',
    'expiration_rules:\n  - match: "{}"\n    match: "{}"\n    expiration: 1h\n',
    'expiration_rules:\n  match: "{}"\n  expiration: 1h\n',
  ]) {
    assert.throws(() => fromFile(yaml), ConfigError, yaml);
  }
});
