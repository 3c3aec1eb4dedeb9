import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';
import { loadConfig } from '../../config/load.ts';
import { StartError } from '../../src/server/errors.ts';
import { LiveSettings } from '../../src/server/live-settings.ts';
import { createLogger } from '../../src/server/logger.ts';
import { describeReload, Reload } from '../../src/server/reload.ts';

type Flags = Readonly<Record<string, string>>;

function start(flags: Flags) {
  const config = loadConfig({ flags });
  const settings = new LiveSettings(config);
  const log = createLogger(config.log, { write: () => {} });
  const now = { load: (): Config => loadConfig({ flags }), renew: async (): Promise<boolean> => false };
  const reload = new Reload(config, {
    load: () => now.load(),
    settings,
    log,
    renewCertificate: () => now.renew(),
  });
  const set = (next: Flags): void => {
    now.load = () => loadConfig({ flags: next });
  };
  return { reload, settings, log, now, set };
}

test('what may change does, and the rest waits', async () => {
  const { reload, settings, log, set } = start({});
  assert.deepEqual(await reload.run(), { changed: [], waiting: [] });
  set({
    log_level: 'debug',
    'redis.expiration': '7m',
    'push.max_ttl': '1h',
    port: '1',
    'redis.password': 'x',
  });
  const report = await reload.run();
  assert.deepEqual(report, {
    changed: ['log_level', 'redis.expiration', 'push.max_ttl'],
    waiting: ['port', 'redis.password'],
  });
  assert.equal(
    describeReload(report),
    'changed: log_level, redis.expiration, push.max_ttl; these wait for the next start: port, redis.password',
  );
  assert.equal(log.level, 'debug');
  assert.equal(settings.ttlMs(new URLSearchParams(), {}), 7 * 60_000);
  assert.equal(reload.current.log.level, 'debug');
  // Of what has changed only the first reload tells, of what waits every one.
  assert.deepEqual(await reload.run(), { changed: [], waiting: ['port', 'redis.password'] });
  set({ log_level: 'debug' });
  assert.deepEqual(await reload.run(), { changed: ['redis.expiration', 'push.max_ttl'], waiting: [] });
});

test('another password is seen although both are shown as stars', async () => {
  const { reload, set } = start({ 'redis.password': 'one' });
  set({ 'redis.password': 'two' });
  assert.deepEqual(await reload.run(), { changed: [], waiting: ['redis.password'] });
});

test('a mistake leaves everything as it was', async () => {
  const { reload, settings, log, now, set } = start({});
  set({ log_level: 'debug', expiration_rules: '{a=~"("}=1h' });
  await assert.rejects(reload.run(), ConfigError);
  now.load = () => {
    throw new ConfigError('no');
  };
  await assert.rejects(reload.run(), /^ConfigError: no$/);
  assert.equal(log.level, 'info');
  assert.equal(settings.ttlMs(new URLSearchParams(), {}), 5 * 60_000);
  set({ log_level: 'warn' });
  assert.deepEqual((await reload.run()).changed, ['log_level']);
});

test('a certificate that cannot be used leaves everything as it was', async () => {
  const { reload, log, now, set } = start({});
  const tls = { keyPath: 'k', certPath: 'c' };
  const secured = new Reload(
    { ...loadConfig(), tls },
    {
      load: () => ({ ...loadConfig({ flags: { log_level: 'debug' } }), tls }),
      settings: new LiveSettings(loadConfig()),
      log,
      renewCertificate: () => now.renew(),
    },
  );
  now.renew = async () => {
    throw new StartError('no certificate');
  };
  await assert.rejects(secured.run(), StartError);
  assert.equal(log.level, 'info');
  now.renew = async () => true;
  assert.deepEqual((await secured.run()).changed, ['log_level', 'the TLS certificate']);
  // Without TLS at the start there is nothing to renew.
  set({ log_level: 'error' });
  assert.deepEqual((await reload.run()).changed, ['log_level']);
});

test('reloads come one after the other', async () => {
  const { reload, set } = start({});
  set({ log_level: 'debug' });
  const [first, second] = await Promise.all([reload.run(), reload.run()]);
  assert.deepEqual([first.changed, second.changed], [['log_level'], []]);
});
