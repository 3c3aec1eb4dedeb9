import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../config/config-error.ts';
import { loadConfig } from '../../config/load.ts';
import { LiveSettings } from '../../src/server/live-settings.ts';
import type { GroupingKey } from '../../src/workers/messages.ts';

const HOUR = 3_600_000;
const NONE = new URLSearchParams();
const NIGHTLY: GroupingKey = [['job', 'nightly']];

function settingsOf(flags: Readonly<Record<string, string>>): LiveSettings {
  return new LiveSettings(loadConfig({ flags }));
}

test('the first rule that matches the group counts, and the default where none does', () => {
  const settings = settingsOf({
    'redis.expiration': '2h',
    expiration_rules: '{job="nightly"}=26h;{job=~"n.*"}=0;{job!=""}=1h',
  });
  assert.equal(settings.ttlMs(NONE, {}, NIGHTLY), 26 * HOUR);
  assert.equal(settings.ttlMs(NONE, {}, [['job', 'noon']]), 0);
  assert.equal(settings.ttlMs(NONE, {}, [['job', 'x']]), HOUR);
  assert.equal(settings.ttlMs(NONE, {}), 2 * HOUR);
});

test('a rule with a selector that is none is named', () => {
  assert.throws(
    () => settingsOf({ expiration_rules: '{job="a"}=1h;{job=~"("}=1h' }),
    (error) =>
      error instanceof ConfigError && /^expiration_rules: rule 2, \{job=~"\("\}: /.test(error.message),
  );
  assert.throws(() => settingsOf({ expiration_rules: '{}=1h' }), /rule 1, \{\}: /);
});

test('a replacement is for the pushes that follow, and is whole or not at all', () => {
  const settings = settingsOf({ expiration_rules: '{job="nightly"}=26h' });
  const bad = loadConfig({ flags: { 'redis.expiration': '9h', expiration_rules: '{a=~"("}=1h' } });
  assert.throws(() => settings.replace(bad), ConfigError);
  assert.equal(settings.ttlMs(NONE, {}, NIGHTLY), 26 * HOUR);
  assert.equal(settings.ttlMs(NONE, {}), HOUR / 12);
  settings.replace(loadConfig({ flags: { 'redis.expiration': '9h', 'push.max_ttl': '3h' } }));
  assert.equal(settings.ttlMs(NONE, {}, NIGHTLY), 9 * HOUR);
  assert.equal(settings.ttlMs(new URLSearchParams('ttl=5h'), {}, NIGHTLY), 3 * HOUR);
});
