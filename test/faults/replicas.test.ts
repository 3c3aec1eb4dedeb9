import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { Gateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf, TestStorage } from '../support/storage.ts';
import { PREFIX } from '../support/topology.ts';

/** A master with two replicas in touch with it. */
async function replicated() {
  // Else the first synchronisation waits 5 s.
  const args = ['--repl-diskless-sync-delay', '0'];
  const master = await RedisServer.start({ args });
  const following = ['--replicaof', `${master.host} ${master.port}`];
  const start = () => RedisServer.start({ args: [...args, ...following] });
  const replicas = await Promise.all([start(), start()]);
  const together = async (): Promise<boolean> => {
    const states = (await master.cli('INFO', 'replication')).match(/state=online/g);
    return states?.length === replicas.length;
  };
  await until(together, 20 * SECOND, 'the replicas have the data');
  return {
    master,
    replicas,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([master, ...replicas].map((server) => server.kill()));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** Of one push to a group and of one to /ingest, which write both the same value. */
function push(gateway: Gateway, value: number, onAnswer = (): void => {}): Promise<Answer[]> {
  const send = async (method: string, path: string, body: string): Promise<Answer> => {
    const answer = await fetch(gateway.url + path, { method, body });
    onAnswer();
    return {
      status: answer.status,
      text: await answer.text(),
      retryAfter: answer.headers.get('retry-after'),
    };
  };
  return Promise.all([
    send('PUT', '/metrics/job/a', `held ${value}\n`),
    send('POST', '/ingest', `free ${value}\n`),
  ]);
}

function valuesOf(exposition: string): Array<string | undefined> {
  const shown = seriesOf(exposition);
  return [shown.get('held{instance="",job="a"}'), shown.get('free')];
}

async function counted(gateway: Gateway): Promise<number> {
  const telemetry = await (await fetch(`${gateway.url}/telemetry`)).text();
  return Number(/redis_errors_total\{reason="noreplicas"\} (\d+)/.exec(telemetry)?.[1] ?? 0);
}

const waiting = (replicas: number, timeout = '300ms'): string[] => [
  `--redis.key-prefix=${PREFIX}`,
  `--redis.wait-replicas=${replicas}`,
  `--redis.wait-timeout=${timeout}`,
];

test('a push is acknowledged once as many replicas have it as were asked for, and survives the loss of the master', async () => {
  await using set = await replicated();
  const { master, replicas } = set;
  const args = [...waiting(2, '20s'), '--redis.timeout=30s'];
  await using gateway = await Gateway.ready({ redisPort: master.port, args });
  for (const { status, text } of await push(gateway, 1)) assert.equal(status, 200, text);
  replicas[0].pause();
  let answered = 0;
  const pushed = push(gateway, 2, () => answered++);
  const stored = async (): Promise<boolean> => valuesOf(await scrapeOf(gateway))[1] === '2';
  await until(stored, 10 * SECOND, 'the master has it');
  await sleep(500);
  assert.equal(answered, 0, 'one replica does not have it yet');
  replicas[0].resume();
  for (const { status, text } of await pushed) assert.equal(status, 200, text);
  await master.kill();
  for (const replica of replicas) {
    await replica.cli('REPLICAOF', 'NO', 'ONE');
    await using storage = await TestStorage.connect(replica.port);
    assert.deepEqual(valuesOf(await storage.scrape()), ['2', '2']);
  }
});

test('with a replica too few a push is refused though it is stored, and the answer says both; with enough again it is not', async () => {
  await using set = await replicated();
  const { master, replicas } = set;
  await using strict = await Gateway.ready({ redisPort: master.port, args: waiting(2) });
  await using content = await Gateway.ready({ redisPort: master.port, args: waiting(1) });
  for (const { status, text } of await push(strict, 1)) assert.equal(status, 200, text);
  replicas[0].pause();
  for (const { status, text, retryAfter } of await push(strict, 2)) {
    assert.equal(status, 503, text);
    assert.match(
      text,
      /stored on the master, but after 300 ms only on 1 of 2 replicas \(redis\.wait_replicas\)/,
    );
    assert.ok(Number(retryAfter) > 0);
  }
  assert.ok((await counted(strict)) > 0);
  assert.deepEqual(valuesOf(await scrapeOf(strict)), ['2', '2']);
  // One is left, and that is all that this one asks for.
  for (const { status, text } of await push(content, 3)) assert.equal(status, 200, text);
  assert.equal(await counted(content), 0);
  replicas[0].resume();
  await until(
    async () => (await push(strict, 4)).every(({ status }) => status === 200),
    20 * SECOND,
    'pushes are acknowledged again',
  );
  assert.deepEqual(valuesOf(await scrapeOf(strict)), ['4', '4']);
});
