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
  return Array.isArray(reply) ? reply.map(printed).join('\n') : String(reply);
}
