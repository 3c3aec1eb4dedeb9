import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { RedisConnection } from '../redis/client.ts';
import { compactFamily } from '../redis/compaction.ts';
import { toStoreError } from '../redis/failure.ts';
import { Keys } from '../redis/keys.ts';
import type { RedisOptions } from '../redis/options.ts';
import { Ingester } from './ingest-task.ts';
import type {
  CompactResult,
  CompactTask,
  IngestAnswer,
  IngestTask,
  PushResult,
  PushTask,
  Task,
} from './messages.ts';
import { Pusher, taskDeps } from './push-task.ts';

/** Entry of a worker thread: its connections to Redis, one task after the other, as the pool hands them out. */
const { redis } = workerData as { redis: RedisOptions };
const connection = new RedisConnection(redis);
const keys = new Keys(redis.keyPrefix);
const deps = taskDeps(connection);
let ingester: Ingester | undefined;
let pusher: Pusher | undefined;

export default function run(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'ingest':
      return ingest(task);
    case 'push':
      return push(task);
    case 'compact':
      return compact(task);
  }
}

async function ingest(task: IngestTask): Promise<unknown> {
  const { secret } = task.identity;
  if (!ingester?.isKeyedWith(secret)) ingester = new Ingester(connection, keys, secret, deps.retries);
  const text = task.text.buffer;
  const answer: IngestAnswer = { result: await ingester.run(task), text };
  return move({ [transferableSymbol]: [text], [valueSymbol]: answer } as unknown as ArrayBuffer);
}

function push(task: PushTask): Promise<PushResult> {
  const { secret } = task.identity;
  if (!pusher?.isKeyedWith(secret)) {
    pusher = new Pusher(connection, keys, secret, redis.timeoutMs, deps);
  }
  return pusher.run(task);
}

async function compact({ family, ...options }: CompactTask): Promise<CompactResult> {
  try {
    await connection.whenUp();
    const { removed, rewritten, isBusy } = await compactFamily(connection, keys, family, options);
    return { kind: 'compact', blocksRemoved: removed, blocksRewritten: rewritten, ...(isBusy && { isBusy }) };
  } catch (thrown) {
    const { reason, message } = toStoreError(thrown);
    return { kind: 'compact', blocksRemoved: 0, blocksRewritten: 0, failure: { reason, message } };
  }
}
