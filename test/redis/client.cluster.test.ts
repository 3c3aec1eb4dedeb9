import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RedisConnection } from '../../src/redis/client.ts';
import { parseRedirection, SlotMap, slotOf } from '../../src/redis/connection/slots.ts';
import { BUCKETS, Keys } from '../../src/redis/keys.ts';
import type { RedisOptions } from '../../src/redis/options.ts';
import { openSequences } from '../../src/redis/sequences.ts';
import { SECOND } from '../../src/units.ts';
import { until } from '../support/processes.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { redisOptions } from '../support/storage.ts';

const keys = new Keys('test:');
let cluster: RedisCluster;

before(async () => {
  cluster = await RedisCluster.start();
});
after(() => cluster[Symbol.asyncDispose]());

async function connect(overrides: Partial<RedisOptions> = {}): Promise<RedisConnection> {
  const endpoints = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const connection = new RedisConnection({ ...redisOptions(0), mode: 'cluster', endpoints, ...overrides });
  await connection.whenUp();
  return connection;
}

test('slots are those of Redis', async () => {
  for (const key of ['', 'a', 'test:secret', 'x{1}:f:{y}', 'x{}y', '{', '{}{a}', 'é{ü}']) {
    assert.equal(slotOf(key), Number(await cluster.nodes[0].cli('CLUSTER', 'KEYSLOT', key)), key);
  }
});

test('redirections, with and without a host, IPv6 included; nothing else is one', () => {
  assert.deepEqual(parseRedirection('MOVED 12 10.0.0.1:7000', 'h'), {
    kind: 'MOVED',
    slot: 12,
    address: '10.0.0.1:7000',
  });
  assert.equal(parseRedirection('ASK 12 :7000', 'h')?.address, 'h:7000');
  assert.equal(parseRedirection('MOVED 12 ::1:7000', 'h')?.address, '::1:7000');
  for (const text of ['MOVED 16384 a:1', 'MOVED __proto__ a:1', 'ERR MOVED 1 a:1', 'MOVED 1 a']) {
    assert.equal(parseRedirection(text, 'h'), undefined, text);
  }
  const map = SlotMap.parse([[0, 16383, [Buffer.from(''), 7000]]], 'h');
  assert.equal(map.isWhole, true);
  assert.deepEqual(map.masters(), ['h:7000']);
  assert.equal(SlotMap.parse([[1, 16383, [null, 7000]]], 'h').isWhole, false);
});

test('one endpoint is enough; every bucket is reached; sequences are reserved in all', async () => {
  const { host, port } = cluster.nodes[0];
  const connection = await connect({ endpoints: [{ host, port }] });
  try {
    await connection.check();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      await connection.command('SET', `test:{${bucket}}:x`, bucket);
      assert.equal(String(await connection.command('GET', `test:{${bucket}}:x`)), String(bucket));
    }
    const sequences = await openSequences(connection, keys);
    assert.equal(sequences.length, BUCKETS);
    assert.ok(sequences.every((sequence) => sequence > 1e15));
  } finally {
    await connection.close();
  }
});

test('a slot that moves to another node while it is written to: nothing fails, nothing is lost', async () => {
  const connection = await connect();
  const key = 'test:{17}:moving';
  const slot = slotOf(key);
  const from = await cluster.masterOf(key);
  const to = (await cluster.masters()).find(({ port }) => port !== from.port);
  assert.ok(to);
  const ids = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  try {
    let [count, stop] = [0, false];
    const writing = (async () => {
      while (!stop) {
        await connection.command('INCR', key);
        count++;
      }
    })();
    await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', ids[0]);
    await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', ids[1]);
    for (const moved of (await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '1000')).split('\n')) {
      await from.cli('MIGRATE', to.host, String(to.port), moved, '0', '5000');
    }
    const before = count;
    await until(() => count > before + 20, 10 * SECOND, 'writes while it moves');
    for (const node of [to, from]) await node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', ids[1]);
    await until(() => count > before + 40, 10 * SECOND, 'writes after it has moved');
    stop = true;
    await writing;
    assert.equal(Number(String(await connection.command('GET', key))), count);
  } finally {
    await connection.close();
  }
});

/** How often a server was asked for a command, whether or not it carried it out. */
async function asked(server: RedisServer, command: string): Promise<number> {
  const stats = await server.cli('INFO', 'commandstats');
  const [, calls = 0, refused = 0] =
    new RegExp(`^cmdstat_${command}:calls=(\\d+),.*rejected_calls=(\\d+)`, 'm').exec(stats) ?? [];
  return Number(calls) + Number(refused);
}

test('a node that takes over a slot and has lost the script is sent it with ASKING, once', async () => {
  const connection = await connect();
  const slot = slotOf('{17}');
  const from = await cluster.masterOfSlot(slot);
  const to = (await cluster.masters()).find(({ port }) => port !== from.port);
  assert.ok(to);
  const ids = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  const run = (key: string) => connection.run({ script: 'dropFamilies', keys: [key], args: ['12345678'] });
  const tagOf = async (node: RedisServer): Promise<number> => {
    for (let tag = 0; ; tag++) if ((await cluster.masterOf(`{${tag}}`)) === node) return tag;
  };
  try {
    // Both have had it, so that it goes by its name.
    for (const node of [from, to]) await run(`{${await tagOf(node)}}:index`);
    await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', ids[0]);
    await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', ids[1]);
    const left = (await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '1000')).split('\n');
    for (const key of left.filter(Boolean)) {
      await from.cli('MIGRATE', to.host, String(to.port), key, '0', '5000');
    }
    await to.cli('SCRIPT', 'FLUSH');
    for (const node of [from, to]) await node.cli('CONFIG', 'RESETSTAT');
    await run('{17}:nothing');
    assert.equal(await asked(from, 'evalsha'), 1, 'who has the slot still sends it on');
    assert.deepEqual(
      [await asked(to, 'asking'), await asked(to, 'evalsha'), await asked(to, 'eval')],
      [2, 1, 1],
    );
  } finally {
    for (const node of [to, from]) await node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', ids[1]);
    await connection.close();
  }
});

test('a master that dies: the others go on, and what was its own is served again by its replica', async () => {
  const connection = await connect({ timeoutMs: 1 * SECOND });
  const key = 'test:{5}:mine';
  const victim = await cluster.masterOf(key);
  try {
    await victim.kill();
    await assert.rejects(connection.check());
    await until(
      () =>
        connection.command('SET', key, '1').then(
          () => true,
          () => false,
        ),
      20 * SECOND,
      'the replica to take over',
    );
    await until(
      () =>
        connection.check().then(
          () => true,
          () => false,
        ),
      10 * SECOND,
      'all slots to be served',
    );
  } finally {
    await connection.close();
    await victim.restart();
  }
});
