import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { RawConnection } from './raw-http.ts';

const BEGIN_PUSH = 'POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n';
const END_PUSH = '4\r\nb 2\n\r\n0\r\n\r\n';

function linesWith(log: string, text: string): string[] {
  return log.split('\n').filter((line) => line.includes(text));
}

test('it starts without Redis, says so once, and is ready when Redis comes', async () => {
  const redisPort = await freePort();
  await using gateway = await Gateway.start({ redisPort });
  const healthy = await fetch(`${gateway.url}/-/healthy`);
  assert.equal(healthy.status, 200);
  assert.equal(await healthy.text(), 'OK\n');

  const ready = await fetch(`${gateway.url}/-/ready`);
  assert.equal(ready.status, 503);
  assert.equal(ready.headers.get('retry-after'), '1');
  assert.match(await ready.text(), /^Redis is not available: .+\n$/);

  const push = await fetch(`${gateway.url}/ingest`, { method: 'POST', body: 'a 1\n' });
  assert.equal(push.status, 503);
  assert.equal(push.headers.get('retry-after'), '1');
  const { error, ...counts } = (await push.json()) as Record<string, unknown>;
  assert.deepEqual(counts, { accepted: 0, rejected: 0, errors: [], not_stored: 0 });
  assert.match(String(error), /^Redis is not available: /);

  const scrape = await fetch(`${gateway.url}/metrics`);
  assert.equal(scrape.status, 503);
  assert.equal(scrape.headers.get('retry-after'), '1');
  assert.match(await scrape.text(), /^Redis is not available: /);
  const telemetry = await (await fetch(`${gateway.url}/telemetry`)).text();
  assert.match(telemetry, /^pushgateway_redis_up 0$/m);
  assert.match(telemetry, /^pushgateway_ready 0$/m);

  // Several attempts to connect later:
  await sleep(1_500);
  assert.equal(linesWith(gateway.log, 'Redis is not available; trying again').length, 1);
  await using _redis = await RedisServer.start({ port: redisPort });
  await gateway.whenReady();
  const said = () => linesWith(gateway.log, 'msg="Redis is available"').length;
  // The log comes by another way than the answer.
  await until(() => said() > 0, 5 * SECOND, 'it says so');
  assert.equal(said(), 1);
  assert.equal((await fetch(`${gateway.url}/ingest`, { method: 'POST', body: 'a 1\n' })).status, 200);
});

test('it says where it listens and what to try next', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({
    redisPort: redis.port,
    args: ['--ingest.path=/in', '--metrics.path=/out'],
  });
  // What it has written by the time it answers may not have been read here yet.
  await until(() => gateway.log.includes(`curl ${gateway.url}/out"`), 5 * SECOND, 'how to scrape');
  assert.match(gateway.log, new RegExp(`msg=listening address=127\\.0\\.0\\.1:${gateway.port} scheme=http `));
  assert.ok(gateway.log.includes(`curl --data-binary @examples/data.txt ${gateway.url}/in"`));
  const page = await fetch(`${gateway.url}/`);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(await page.text(), /href="\/out"/);
});

test('told to stop it refuses what comes, finishes what it has begun and exits 0', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  using push = await RawConnection.open(gateway.port);
  push.send(BEGIN_PUSH);
  using kept = await RawConnection.open(gateway.port);
  kept.send('GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n');
  await kept.until(/200 OK/);
  // A request that has begun keeps its connection.
  kept.send('GET /-/ready HTTP/1.1\r\n');
  await sleep(50);

  gateway.kill('SIGTERM');
  while (!gateway.log.includes('msg=stopping')) await sleep(5);
  kept.send('Host: x\r\n\r\n');
  await kept.until(/503 [\s\S]*shutting down/);
  await assert.rejects(RawConnection.open(gateway.port));
  push.send(END_PUSH);
  await push.until(/200 OK[\s\S]*"accepted":2/);
  assert.equal(await gateway.exit(), 0);
  assert.match(gateway.log, /msg=stopped/);
  assert.equal(linesWith(gateway.log, 'level=warn').length, 0, gateway.log);
});

test('what does not finish within the shutdown timeout is cut, and it still exits 0', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args: ['--shutdown.timeout=200ms'] });
  using push = await RawConnection.open(gateway.port);
  push.send(BEGIN_PUSH);
  await sleep(50);
  assert.equal(await gateway.stop(), 0);
  await push.untilClosed();
  assert.match(gateway.log, /level=warn msg="requests were cut off.*connections=1/);
});

test('a connection that has brought no request does not delay the end', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  using silent = await RawConnection.open(gateway.port);
  const begun = Date.now();
  assert.equal(await gateway.stop(), 0);
  assert.ok(Date.now() - begun < 8 * SECOND, 'the shutdown timeout is 10 s');
  await silent.untilClosed();
  assert.doesNotMatch(gateway.log, /cut off/);
});

test('a Redis user without the rights that are needed is told of, without a storm of attempts', async () => {
  await using redis = await RedisServer.start();
  await redis.cli('ACL', 'SETUSER', 'reader', 'on', '>secret', '+@read', '+@connection', '-time', '~*');
  await using gateway = await Gateway.start({
    redisPort: redis.port,
    args: ['--redis.username=reader'],
    env: { PUSHGATEWAY_REDIS_PASSWORD: 'secret' },
  });
  await gateway.whenNotReady();
  await sleep(3 * SECOND);
  const made = Number(/total_connections_received:(\d+)/.exec(await redis.cli('INFO', 'stats'))?.[1]);
  // Three connections of the gateway, each of which tries again after 50, 100, 200, 400, 800 and 1000 ms.
  assert.ok(made < 40, `${made} connections`);
  assert.match(gateway.log, /reason=noperm/);
  for (const line of gateway.log.trim().split('\n')) assert.match(line, /^ts=/);
  assert.doesNotMatch(gateway.log, /secret/);
});

test('told to stop twice it exits 1 at once', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  using push = await RawConnection.open(gateway.port);
  push.send(BEGIN_PUSH);
  await sleep(50);
  gateway.kill('SIGTERM');
  while (!gateway.log.includes('msg=stopping')) await sleep(5);
  gateway.kill('SIGINT');
  assert.equal(await gateway.exit(), 1);
});

test('the embedded Redis serves, and ends with the gateway', async () => {
  await using gateway = await Gateway.ready({ args: ['--redis.endpoint=embedded'] });
  assert.equal((await fetch(`${gateway.url}/ingest`, { method: 'POST', body: 'a 1\n' })).status, 200);
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), /^a 1$/m);
  const pid = Number(/embedded Redis started" .*pid=(\d+)/.exec(gateway.log)?.[1]);
  assert.ok(process.kill(pid, 0));
  assert.equal(await gateway.stop(), 0);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('without its embedded Redis the gateway ends, and says why', async () => {
  await using gateway = await Gateway.ready({ args: ['--redis.endpoint=embedded'] });
  const pid = Number(/embedded Redis started" .*pid=(\d+)/.exec(gateway.log)?.[1]);
  process.kill(pid, 'SIGKILL');
  assert.equal(await gateway.exit(), 1);
  assert.match(gateway.log, /level=error msg="the embedded Redis has ended" status=137/);
});

test('a mistake or a start that fails is one line and exit 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const cases: ReadonlyArray<readonly [args: string[], expected: RegExp]> = [
    [['--redis.timeout=5x'], /^pushgateway: error: .*redis\.timeout/],
    [['--no-such-flag'], /^pushgateway: error: .*--no-such-flag/],
    [[`--port=${port}`], new RegExp(`^pushgateway: error: port ${port} is taken`)],
    [
      ['--redis.endpoint=127.0.0.1:1', '--redis.required-at-start', '--redis.timeout=500ms'],
      /^pushgateway: error: Redis is not there: the connection to Redis is down/,
    ],
    [
      ['--redis.endpoint=embedded', '--redis.embedded.binary=no-such-redis'],
      /^pushgateway: error: .*no-such-redis/,
    ],
    [
      ['--redis.endpoint=embedded', '--redis.embedded.dir=/dev/null/data'],
      /^pushgateway: error: redis\.embedded\.dir: got/,
    ],
  ];
  const runs = cases.map(async ([args, expected]) => {
    const { status, output } = await Gateway.run({ args, port: null });
    const lines = linesWith(output, 'pushgateway: error');
    assert.equal(lines.length, 1, output);
    assert.match(lines[0] ?? '', expected);
    assert.equal(status, 1);
  });
  await Promise.all(runs);
  taken.close();
});

test('it tells its version, checks a configuration and asks a running gateway for its health', async () => {
  const port = await freePort();
  const version = await Gateway.run({ args: ['--version'], port: null });
  assert.equal(version.status, 0);
  assert.match(version.output, /\d+\.\d+\.\d+/);
  assert.equal((await Gateway.run({ args: ['--check-config'], port: null })).status, 0);

  const env = { PUSHGATEWAY_PORT: String(port) };
  const before = await Gateway.run({ args: ['--check-health'], env, port: null });
  assert.equal(before.status, 1);
  assert.match(before.output, /^not healthy: the gateway does not answer: .*ECONNREFUSED/);
  await using _gateway = await Gateway.start({ redisPort: 1, port });
  assert.deepEqual(await Gateway.run({ args: ['--check-health'], env, port: null }), {
    status: 0,
    output: 'healthy\n',
  });
});

test('a reader of its log that leaves does not end it', async () => {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/server/main.ts', '--host=127.0.0.1', `--port=${port}`, '--log.level=debug'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PUSHGATEWAY_REDIS_ENDPOINT: '127.0.0.1:1' },
    },
  );
  try {
    await once(child.stderr as Socket, 'data');
    child.stderr?.destroy();
    const deadline = Date.now() + 10 * SECOND;
    let answers = 0;
    while (answers < 20 && Date.now() < deadline) {
      const answer = await fetch(`http://127.0.0.1:${port}/-/healthy`).catch(() => undefined);
      if (answer?.status === 200) answers += 1;
      await sleep(5);
    }
    assert.equal(answers, 20);
    assert.equal(child.exitCode, null);
  } finally {
    child.kill('SIGTERM');
  }
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
});
