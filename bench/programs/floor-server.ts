/**
 * The floor: what remains when the gateway does nothing with the bytes. POST /in: the same HTTP stack (Express on
 * node:http) takes a body and counts it. GET /N: the values `floor:0` to `floor:N-1` of Redis, one after the other, read
 * with ioredis in pages of PAGE values, the next one on its way while one is sent.
 *
 *     node --import tsx bench/programs/floor-server.ts REDIS_PORT PAGE
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Redis } from 'ioredis';

const [redisPort, page] = process.argv.slice(2).map(Number);
const redis = new Redis(redisPort, '127.0.0.1');
const app = express();

app.post('/in', async (req, res) => {
  let bytes = 0;
  for await (const chunk of req) bytes += (chunk as Buffer).length;
  res.json({ bytes });
});

app.get('/:count', async (req, res) => {
  const count = Number(req.params.count);
  const read = (from: number): Promise<(Buffer | null)[]> => {
    const length = Math.min(page, count - from);
    return length <= 0
      ? Promise.resolve([])
      : redis.mgetBuffer(Array.from({ length }, (_, i) => `floor:${from + i}`));
  };
  let next = read(0);
  for (let from = 0; from < count; from += page) {
    const values = await next;
    next = read(from + page);
    let room = true;
    for (const value of values) room = res.write(value);
    if (!room) await once(res, 'drain');
  }
  res.end();
});

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`port ${(server.address() as AddressInfo).port}`);
});
