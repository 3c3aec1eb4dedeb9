import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Gateway } from '../support/gateway.ts';
import { RedisServer } from '../support/redis-server.ts';

/** The words of the README's `ACL SETUSER` command, after the name of the user. */
function documentedRules(): string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const command = /redis-cli ACL SETUSER pushgw ((?:.*\\\n)*.*)/.exec(readme)?.[1];
  assert.ok(command !== undefined);
  return command
    .replaceAll('\\\n', ' ')
    .split(/\s+/)
    .map((word) => word.replaceAll("'", ''));
}

test("the README's rules have every command that a script calls", () => {
  const rules = new Set(documentedRules());
  const folder = new URL('../../src/redis/commands/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.lua'),
  );
  const called = files.flatMap((file) => {
    const lua = readFileSync(new URL(file, folder), 'utf8');
    return [...lua.matchAll(/call\('([A-Z]+)'/g)].map(([, command]) => `+${command.toLowerCase()}`);
  });
  assert.ok(called.length > 50);
  assert.deepEqual(
    [...new Set(called)].filter((command) => !rules.has(command)),
    [],
  );
});

test("a Redis user with the README's rules may do all that the gateway does", async () => {
  await using redis = await RedisServer.start();
  await redis.cli('ACL', 'SETUSER', 'pushgw', ...documentedRules());
  await using gateway = await Gateway.ready({
    redisPort: redis.port,
    args: ['--redis.username=pushgw', '--redis.password=PASSWORD', '--web.enable-admin-api'],
  });
  const ask = async (method: string, path: string, status: number, body?: string): Promise<void> => {
    const answer = await fetch(gateway.url + path, { method, ...(body !== undefined && { body }) });
    assert.equal(answer.status, status, `${method} ${path}: ${await answer.text()}`);
  };
  const body =
    '# TYPE m gauge\nm{x="1"} 1\nm{x="2"} 2\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n';
  await ask('PUT', '/metrics/job/a', 200, body);
  await ask('PUT', '/metrics/job/a/b/c', 200, body);
  await ask('POST', '/metrics/job/a', 200, body);
  await ask('POST', '/metrics/job/a?mode=merge&ttl=0', 200, '# TYPE m gauge\nm{x="1"} 3\n');
  await ask('PUT', '/metrics/job/d', 400, '# TYPE m counter\nm 1\n');
  await ask('POST', '/ingest', 200, '# TYPE i counter\ni{x="1"} 1\ni{x="2"} 2\n');
  // As often as it takes to have families compacted.
  for (let i = 0; i < 40; i++) await ask('POST', '/ingest', 200, `# TYPE c gauge\n${`c{i="${i}"} 1\n`}`);
  // A body of several pieces, twice, and a push of many families.
  const long = Array.from({ length: 6000 }, (_, i) => `l{x="${'x'.repeat(150)}",i="${i}"} 1\n`).join('');
  for (let i = 0; i < 2; i++) await ask('POST', '/ingest', 200, long);
  const many = Array.from({ length: 1500 }, (_, i) => `many_${i} 1\n`).join('');
  await ask('PUT', '/metrics/job/many', 200, many);
  await ask('GET', '/metrics', 200);
  await ask('GET', '/api/v1/metrics', 200);
  await ask('DELETE', '/metrics/job/a', 202);
  await ask('DELETE', `/api/v1/groups?match[]=${encodeURIComponent('{job="a"}')}`, 200);
  await ask('PUT', '/api/v1/admin/wipe', 202);
  assert.equal((await redis.cli('ACL', 'LOG')).trim(), '');
});
