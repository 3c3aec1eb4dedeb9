import { Redis } from 'ioredis';
import { SECOND } from '../../src/units.ts';

const TIMEOUT_MS = 30 * SECOND;

type Reply = null | number | Buffer | readonly Reply[];

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly password?: string | undefined;
}

/**
 * Sends one command over a connection of its own and resolves with the reply as `redis-cli --raw` prints it, without the
 * last newline: what is in arrays one a line, nil as nothing. Rejects with what the server says against it.
 *
 * A process of its own for each command took 15 to 30 ms of CPU, and a Cluster takes dozens of commands to start.
 */
export async function redisCommand(
  { host, port, password }: Server,
  [name, ...args]: readonly string[],
): Promise<string> {
  const redis = new Redis({
    host,
    port,
    ...(password !== undefined && { password }),
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  // The command fails with it, too.
  redis.on('error', () => {});
  try {
    await redis.connect();
    return printed((await redis.callBuffer(name, ...args)) as Reply);
  } finally {
    redis.disconnect();
  }
}

function printed(reply: Reply): string {
  if (reply === null) return '';
  if (Array.isArray(reply)) return reply.map(printed).join('\n');
  // The library makes objects of what some commands answer, HGETALL for one: that would not be what redis-cli prints.
  if (typeof reply !== 'number' && !Buffer.isBuffer(reply))
    throw new Error('an answer that is not as it came');
  return String(reply);
}
