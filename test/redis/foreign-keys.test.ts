import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compactFamily } from '../../src/redis/compaction.ts';
import { Keys } from '../../src/redis/keys.ts';
import { RedisServer } from '../support/redis-server.ts';
import { seriesOf, TestStorage } from '../support/storage.ts';

// In a Redis with three million keys of others: none is touched, and no command looks at them all.

const FOREIGN_KEYS = 3_000_000;
const ALLOWED =
  /^cmdstat_(time|set|get|hmget|hset|zadd|pexpireat|pttl|evalsha|eval|zscan|zrevrange|zrange|zrangebyscore|zcard|hstrlen|hget|hgetall|hvals|hlen|zscore|hdel|zrem|unlink|mget|getrange|setrange|strlen|pexpire|ping|hello|client\|set(name|info)|info|config\|.*|multi|exec|rename|hexists|debug|dbsize|quit|object\|.*|select|command.*)$/;

let redis: RedisServer;
let storage: TestStorage;

before(async () => {
  redis = await RedisServer.start({ args: ['--enable-debug-command', 'yes'] });
  await redis.cli('DEBUG', 'POPULATE', String(FOREIGN_KEYS), 'theirs', '1');
  storage = await TestStorage.connect(redis.port);
});
after(async () => {
  await storage[Symbol.asyncDispose]();
  await redis.stop();
});

test('pushes, scrapes and compaction leave three million foreign keys alone and do not walk over them', async () => {
  await redis.cli('CONFIG', 'RESETSTAT');
  for (let i = 0; i < 50; i++) await storage.push(`m${i}`, { 's="1"': 1, 's="2"': 2 });
  for (let i = 0; i < 50; i++) await storage.push(`m${i}`, { 's="2"': 3 });
  await compactFamily(storage.connection, storage.keys, 'm1');
  const shown = seriesOf(await storage.scrape());
  assert.equal(shown.size, 100);
  assert.equal([...shown.keys()].filter((series) => series.includes('theirs')).length, 0);

  const used = (await redis.cli('INFO', 'commandstats'))
    .split(/\r?\n/)
    .filter((line) => line.startsWith('cmdstat_'));
  const names = used.map((line) => line.slice(0, line.indexOf(':')));
  assert.deepEqual(
    names.filter((name) => !ALLOWED.test(name)),
    [],
  );
  const ours = Number((await redis.cli('EVAL', "return redis.call('DBSIZE')", '0')) || 0) - FOREIGN_KEYS;
  assert.ok(ours > 0 && ours < 300, `${ours} keys are ours`);
  assert.equal(await redis.cli('GET', 'theirs:77'), 'v');
});

test('two deployments with prefixes of their own share a Redis without seeing each other', async () => {
  const [a, b] = [new Keys('a:'), new Keys('b:')];
  const names = (keys: Keys) => [
    keys.secret,
    keys.index(3),
    keys.clock(3),
    keys.family(3, 'x'),
    keys.order(3, 'x'),
  ];
  assert.deepEqual(
    names(a).filter((key) => names(b).includes(key)),
    [],
  );
  assert.equal(new Set(names(a)).size, 5);
});
