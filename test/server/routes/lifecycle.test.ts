import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../../src/units.ts';
import { Gateway } from '../../support/gateway.ts';
import { freePort } from '../../support/ports.ts';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-lifecycle-'));
});

after(() => rm(directory, { recursive: true }));

/** A gateway without a Redis, with a configuration file that the test may change. */
async function start(text: string, args: readonly string[] = []) {
  const file = join(directory, `${await freePort()}.yml`);
  await writeFile(file, text);
  const gateway = await Gateway.start({ redisPort: 1, args: [`--config.file=${file}`, ...args] });
  return { gateway, write: (next: string) => writeFile(file, next) };
}

async function ask(
  gateway: Gateway,
  method: string,
  path: string,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(gateway.url + path, { method });
  return { status: answer.status, text: await answer.text() };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10 * SECOND;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, what);
    await sleep(10);
  }
}

test('/-/quit ends the gateway in order', async () => {
  const { gateway } = await start('', ['--web.enable-lifecycle']);
  assert.equal((await ask(gateway, 'GET', '/-/quit')).status, 405);
  assert.deepEqual(await ask(gateway, 'PUT', '/-/quit'), {
    status: 200,
    text: 'Requesting termination... Goodbye!\n',
  });
  assert.equal(await gateway.exit(), 0);
  assert.match(gateway.log, /msg=stopped/);
});

test('/-/reload puts into force what may change, and names what may not', async () => {
  const { gateway, write } = await start('web: {enable_lifecycle: true}\n');
  await using _ = gateway;
  assert.deepEqual(await ask(gateway, 'POST', '/-/reload'), { status: 200, text: 'nothing has changed\n' });
  await write(`log_level: debug
workers: 7
web: {enable_lifecycle: true}
redis: {expiration: 9m}
expiration_rules:
  - match: '{job="nightly"}'
    expiration: 26h
`);
  assert.deepEqual(await ask(gateway, 'POST', '/-/reload'), {
    status: 200,
    text: 'changed: log_level, expiration_rules, redis.expiration; these wait for the next start: workers\n',
  });
  const status = (await (await fetch(`${gateway.url}/api/v1/status`)).json()) as {
    data: { flags: Record<string, string> };
  };
  assert.equal(status.data.flags['log.level'], 'debug');
  assert.equal(status.data.flags['expiration.rules'], '{job="nightly"}=26h');
  await until(() => gateway.log.includes('level=debug msg=request'), 'requests are logged at debug');
});

test('a mistake in the file is told, and everything is as before', async () => {
  const { gateway, write } = await start('web: {enable_lifecycle: true}\n');
  await using _ = gateway;
  for (const [text, sentence] of [
    ['redis: {expiration: soon}\n', /^redis\.expiration \(.*line 1\): got "soon", takes a duration/],
    [`expiration_rules: '{job=~"("}=1h'\n`, /^expiration_rules: rule 1, /],
    ['no_such_key: 1\n', /there is no such key/],
  ] as const) {
    await write(`${text}log_level: debug\n`);
    const answer = await ask(gateway, 'POST', '/-/reload');
    assert.equal(answer.status, 500);
    assert.match(answer.text, sentence);
  }
  assert.doesNotMatch(gateway.log, /level=debug/);
  // Still enabled, as it was at the start.
  await write('web: {enable_lifecycle: true}\n');
  assert.equal((await ask(gateway, 'POST', '/-/reload')).status, 200);
});

test('SIGHUP does the same, whether or not the endpoint is enabled', async () => {
  const { gateway, write } = await start('');
  await using _ = gateway;
  assert.equal((await ask(gateway, 'POST', '/-/reload')).status, 403);
  await write('redis: {expiration: 9m}\n');
  gateway.kill('SIGHUP');
  await until(
    () => gateway.log.includes('msg="reloaded the configuration: changed: redis.expiration"'),
    'the log tells of the reload',
  );
  await write('redis: {expiration: soon}\n');
  gateway.kill('SIGHUP');
  await until(
    () => /level=error msg="the configuration was not reloaded" err="redis\.expiration/.test(gateway.log),
    'the log tells of the mistake',
  );
  assert.equal((await ask(gateway, 'GET', '/-/healthy')).status, 200);
});

test('a mistake in the rules is found at the start, too', async () => {
  const args = ['--check-config', '--expiration.rules={job="a"}=1h;{job=~"("}=1h'];
  const { status, output } = await Gateway.run({ args, port: null });
  assert.equal(status, 1);
  assert.match(output, /^pushgateway: error: expiration_rules: rule 2, \{job=~"\("\}: /m);
});
