import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RedisConnection } from '../../src/redis/client.ts';
import { groupOf } from '../../src/redis/group.ts';
import { GroupPush } from '../../src/redis/group-push.ts';
import { fingerprint } from '../../src/redis/identity-secret.ts';
import { SECOND } from '../../src/units.ts';
import { until } from '../support/processes.ts';
import { RedisSentinels } from '../support/redis-sentinels.ts';
import { redisOptions, SECRET, seriesOf, TestStorage } from '../support/storage.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let set: RedisSentinels;

before(async () => {
  set = await RedisSentinels.start();
});
after(() => set[Symbol.asyncDispose]());

test('a master that dies: the connection goes to the one that the sentinels name, and a push that had begun is run again', async () => {
  const endpoints = set.sentinels.map(({ host, port }) => ({ host, port }));
  const options = { ...redisOptions(0), mode: 'sentinel', endpoints, masterName: set.masterName } as const;
  await using storage = await TestStorage.connect(0, options);
  await storage.push('before', { 'a="1"': 1 }, {});
  const group = groupOf([['job', 'j']]);
  const block = storage.block('m', [['job="j"', '1']]);
  const push = new GroupPush(
    storage.connection,
    storage.keys,
    group,
    [{ name: 'm', kind: 'plain', type: 'gauge', help: undefined, unit: undefined, blocks: [block] }],
    {
      mode: 'put',
      ttlMs: 300_000,
      fingerprint: fingerprint(SECRET),
      timeoutMs: 5000,
      holdsSecret: async () => true,
      candidates: () => Buffer.alloc(0),
    },
  );
  const master = await set.master();
  await master.kill();
  const failed = await push.run();
  assert.equal(failed.status, 'failed');
  assert.ok(failed.status === 'failed' && failed.error.passing);
  await until(async () => (await push.run()).status === 'stored', 20 * SECOND, 'the push to be stored');
  // What the old master had may end a connection once more.
  let shown = '';
  await until(
    async () => {
      shown = await storage.scrape().catch(() => '');
      return shown !== '';
    },
    20 * SECOND,
    'a scrape',
  );
  assert.equal(seriesOf(shown).get('m{job="j"}'), '1');
  const watching = new RedisConnection(options);
  try {
    await watching.whenUp();
    assert.equal(String(((await watching.command('ROLE')) as Buffer[])[0]), 'master');
  } finally {
    await watching.close();
  }
});

test('told of a failover while it asks a slow sentinel for the master, the connection does not give up', async () => {
  await using other = await RedisSentinels.start();
  await using proxy = await TcpProxy.start(other.sentinels[0].port);
  // Through the proxy it asks; the other sentinels, which tell it of the failover, it gets to know by that.
  const endpoints = [{ host: '127.0.0.1', port: Number(proxy.endpoint.split(':')[1]) }];
  const options = { ...redisOptions(0), mode: 'sentinel', endpoints, masterName: other.masterName } as const;
  const connections = Array.from({ length: 8 }, () => new RedisConnection(options));
  try {
    await Promise.all(connections.map((connection) => connection.whenUp()));
    await proxy.set({ latencyMs: 150 });
    const master = await other.master();
    await master.kill();
    await until(async () => (await other.master()) !== master, 20 * SECOND, 'another is the master');
    await Promise.all(connections.map((connection) => connection.whenUp(20 * SECOND)));
  } finally {
    await proxy.set({});
    await Promise.all(connections.map((connection) => connection.close()));
  }
});
