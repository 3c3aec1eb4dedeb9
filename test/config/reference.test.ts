import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describeConfig, loadConfig } from '../../config/load.ts';
import { configurationTable, exampleFile, withConfigurationTable } from '../../config/reference.ts';
import { settings } from '../../config/schema.ts';

const examplePath = fileURLToPath(new URL('../../examples/pushgw.yml', import.meta.url));
const readmePath = fileURLToPath(new URL('../../README.md', import.meta.url));
const advice = 'run `npm run docs:config`';

test('examples/pushgw.yml is what the schema says', () => {
  assert.equal(readFileSync(examplePath, 'utf8'), exampleFile(), advice);
});

test('the table of the README is what the schema says', () => {
  const readme = readFileSync(readmePath, 'utf8');
  assert.equal(readme, withConfigurationTable(readme), advice);
});

test('examples/pushgw.yml has every key, and is the default configuration', () => {
  const config = loadConfig({ file: examplePath });
  assert.deepEqual(config, loadConfig());
  const lines = readFileSync(examplePath, 'utf8').split('\n');
  for (const { key } of settings) {
    const name = key.split('.').at(-1);
    assert.ok(
      lines.some((line) => line.trim().startsWith(`${name}: `)),
      key,
    );
  }
  assert.equal(lines.filter((line) => /^ *\w+: /.test(line)).length, settings.length);
});

test('examples/pushgw.yml can be changed from its defaults without contradiction', () => {
  const flags = { 'redis.endpoint': 'rediss://u:p@h/2' };
  const described = describeConfig(loadConfig({ file: examplePath, flags }));
  assert.equal(described['redis.endpoint'], 'rediss://***@h/2');
});

test('the table has every key, flag, variable and default', () => {
  const rows = configurationTable().split('\n').slice(2);
  assert.equal(rows.length, settings.length);
  for (const [i, { key, flag, env, default: value }] of settings.entries()) {
    for (const word of [key, `--${flag}`, env, value]) {
      assert.ok(word === '' || rows[i]?.includes(`\`${word}\``), `${key}: ${word}`);
    }
    assert.equal(rows[i]?.split(/(?<!\\)\|/).length, 7, key);
  }
});

test('text around the table stays', () => {
  const text = 'before\n<!-- config:begin -->\nstale row\n<!-- config:end -->\nafter\n';
  const renewed = withConfigurationTable(text);
  assert.match(renewed, /^before\n<!-- config:begin -->\n\| Key .*\n<!-- config:end -->\nafter\n$/s);
  assert.doesNotMatch(renewed, /stale row/);
  assert.equal(withConfigurationTable(renewed), renewed);
  assert.throws(() => withConfigurationTable('no marks'), /config:begin/);
});
