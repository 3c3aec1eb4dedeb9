import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedisConnection } from '../../src/redis/client.ts';
import { toStoreError } from '../../src/redis/failure.ts';
import { SHORT_WAIT_MS } from '../../src/redis/patience.ts';
import { Retries } from '../../src/redis/retries.ts';
import { SECOND } from '../../src/units.ts';
import { RedisServer } from '../support/redis-server.ts';
import { redisOptions } from '../support/storage.ts';
import { TcpProxy, type Toxics } from '../support/tcp-proxy.ts';

/** Tries a write until it succeeds or there is no more patience, as a task does. Returns how it failed. */
async function write(connection: RedisConnection): Promise<string | undefined> {
  const failure = await new Retries(connection).run(
    () => connection.command('SET', 'key', '1').then(() => undefined, toStoreError),
    (error) => error,
  );
  return failure?.reason;
}

async function withConnection(
  toxics: Toxics,
  timeoutMs: number,
  use: (connection: RedisConnection, proxy: TcpProxy) => Promise<void>,
): Promise<void> {
  await using redis = await RedisServer.start();
  await using proxy = await TcpProxy.start(redis.port);
  await proxy.set(toxics);
  const endpoint = { host: '127.0.0.1', port: proxy.port };
  const connection = new RedisConnection(redisOptions(0, { endpoints: [endpoint], timeoutMs }));
  try {
    await use(connection, proxy);
  } finally {
    await proxy.set({});
    await connection.close();
  }
}

test('what comes while the connection is made for the first time waits for it, on a slow line, too', async () => {
  await withConnection({ latencyMs: 0.6 * SHORT_WAIT_MS }, 10 * SECOND, async (connection) => {
    assert.equal(await write(connection), undefined);
  });
});

test('a connection that does not come is waited for as long as a command may take', async () => {
  await withConnection({ blackHole: true }, 1.5 * SECOND, async (connection) => {
    const begun = performance.now();
    assert.equal(await write(connection), 'connection');
    assert.ok(performance.now() - begun > SECOND);
  });
});

test('one that is lost later is waited for shortly only', async () => {
  await withConnection({}, 60 * SECOND, async (connection, proxy) => {
    await connection.whenUp();
    await proxy.set({ down: true });
    while (connection.up) await new Promise(setImmediate);
    const begun = performance.now();
    assert.equal(await write(connection), 'connection');
    assert.ok(performance.now() - begun < 30 * SECOND);
  });
});
