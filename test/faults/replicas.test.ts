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

/** Of one push to a group and of one to /ingest, which write both the same value. */
function push(gateway: Gateway, value: number, onAnswer = (): void => {}): Promise<Response[]> {
  const send = async (method: string, path: string, body: string): Promise<Response> => {
    const answer = await fetch(gateway.url + path, { method, body });
    onAnswer();
    return answer;
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

test('a push is acknowledged once as many replicas have it as were asked for, and survives the loss of the master', async () => {
  await using set = await replicated();
  const { master, replicas } = set;
  const waiting = ['--redis.wait-replicas=2', '--redis.wait-timeout=20s', '--redis.timeout=30s'];
  const args = [`--redis.key-prefix=${PREFIX}`, ...waiting];
  await using gateway = await Gateway.ready({ redisPort: master.port, args });
  for (const answer of await push(gateway, 1)) assert.equal(answer.status, 200, await answer.text());
  replicas[0].pause();
  let answered = 0;
  const pushed = push(gateway, 2, () => answered++);
  const stored = async (): Promise<boolean> => valuesOf(await scrapeOf(gateway))[1] === '2';
  await until(stored, 10 * SECOND, 'the master has it');
  await sleep(500);
  assert.equal(answered, 0, 'one replica does not have it yet');
  replicas[0].resume();
  for (const answer of await pushed) assert.equal(answer.status, 200, await answer.text());
  await master.kill();
  for (const replica of replicas) {
    await replica.cli('REPLICAOF', 'NO', 'ONE');
    await using storage = await TestStorage.connect(replica.port);
    assert.deepEqual(valuesOf(await storage.scrape()), ['2', '2']);
  }
});
