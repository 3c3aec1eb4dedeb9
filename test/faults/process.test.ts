import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SECOND } from '../../src/units.ts';
import { RawConnection } from '../server/raw-http.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf } from '../support/storage.ts';

test('without a file descriptor left it serves who is connected, and all again as soon as it has some', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  assert.equal((await ingest(gateway, 'a 1\n')).status, 200);
  using kept = await RawConnection.open(gateway.port);
  kept.send('GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n');
  await kept.until(/200 OK/);
  const open = (await readdir(`/proc/${gateway.pid}/fd`)).length;
  await promisify(execFile)('prlimit', ['--pid', String(gateway.pid), `--nofile=${open + 8}`]);
  const sockets: Socket[] = [];
  const connectOneMore = (): void => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
  };
  for (let i = 0; i < 40; i++) connectOneMore();
  await until(() => sockets.some(({ destroyed }) => destroyed), 10 * SECOND, 'a connection is not taken');
  kept.send('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n');
  await kept.until(/200 OK[\s\S]*200 OK/);
  const told = (): number => gateway.log.split('no file descriptor is left').length - 1;
  const isTold = (): boolean => {
    // What the gateway has closed since its descriptors were counted is taken, too.
    connectOneMore();
    return told() > 0;
  };
  await until(isTold, 10 * SECOND, 'the log says so');
  await sleep(3 * SECOND);
  assert.equal(told(), 1, gateway.log);
  assert.ok(gateway.running);
  for (const socket of sockets) socket.destroy();
  await until(
    async () => {
      const answer = await ingest(gateway, 'a 2\n').catch(() => undefined);
      return answer?.status === 200;
    },
    20 * SECOND,
    'it serves again',
  );
  assert.match(await scrapeOf(gateway), /^a 2$/m);
  await until(() => gateway.log.includes('there are file descriptors again'), 10 * SECOND, 'the log says so');
});

/** Steps the clock of the gateway, and of its threads, as it starts. */
function steppedClock(hours: number): Record<string, string> {
  const code = `
    const now = Date.now;
    const RealDate = Date;
    Date.now = () => now() + ${hours * 3_600_000};
    globalThis.Date = new Proxy(RealDate, {
      construct: (target, args) => new target(...(args.length === 0 ? [Date.now()] : args)),
    });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

test('gateways whose clocks are hours off: the later push counts, and series end when they should', async () => {
  await using redis = await RedisServer.start();
  const options = { redisPort: redis.port, args: ['--redis.expiration=3s'] };
  await using behind = await Gateway.ready({ ...options, env: steppedClock(-1) });
  await using ahead = await Gateway.ready({ ...options, env: steppedClock(1) });
  const skew = (log: string): number => Date.parse(/ts=(\S+)/.exec(log)?.[1] as string) - Date.now();
  assert.ok(skew(ahead.log) > 3_000_000 && skew(behind.log) < -3_000_000, 'the clocks are stepped');
  for (let value = 1; value <= 10; value++) {
    const [from, to] = value % 2 ? [ahead, behind] : [behind, ahead];
    assert.equal((await ingest(from, `free ${value}\n`)).status, 200);
    const put = await fetch(`${from.url}/metrics/job/a`, { method: 'PUT', body: `held ${value}\n` });
    assert.equal(put.status, 200);
    const shown = seriesOf(await scrapeOf(to));
    assert.equal(shown.get('free'), String(value));
    assert.equal(shown.get('held{instance="",job="a"}'), String(value));
    const pushTime = Number(shown.get('push_time_seconds{instance="",job="a"}'));
    assert.ok(Math.abs(pushTime - Date.now() / SECOND) < 60, 'the time is that of Redis');
  }
  await sleep(3500);
  for (const gateway of [behind, ahead]) assert.equal(await scrapeOf(gateway), '');
});
