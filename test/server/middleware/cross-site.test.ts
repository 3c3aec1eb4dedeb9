import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway } from '../../support/gateway.ts';
import { RedisServer } from '../../support/redis-server.ts';

test('a page of another site changes nothing, whatever it makes a browser send; it may read', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port, args: ['--web.enable-lifecycle'] });
  const send = async (method: string, path: string, site: string, body?: string | FormData) =>
    (
      await fetch(`${gateway.url}${path}`, {
        method,
        headers: { 'sec-fetch-site': site },
        ...(body !== undefined && { body }),
      })
    ).status;
  assert.equal(await send('POST', '/metrics/job/victim', 'none', 'v 1\n'), 200);
  const form = new FormData();
  form.append('PUT job/victim', '');
  assert.equal(await send('POST', '/api/v1/push', 'cross-site', form), 403);
  assert.equal(await send('POST', '/metrics/job/victim', 'cross-site', 'v 2\n'), 403);
  assert.equal(await send('POST', '/ingest', 'cross-site', 'v 2\n'), 403);
  assert.equal(await send('POST', '/-/quit', 'cross-site'), 403);
  const answer = await fetch(`${gateway.url}/metrics`, { headers: { 'sec-fetch-site': 'cross-site' } });
  assert.match(await answer.text(), /^v\{.*\} 1$/m);
  assert.equal(await send('POST', '/api/v1/push', 'same-origin', form), 200);
});
