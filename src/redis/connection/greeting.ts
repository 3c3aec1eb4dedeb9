import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { StoreError } from '../failure.ts';

/** What is found out about a server when a connection to it has been made. */
export interface Greeting {
  /** This user may do what a transaction takes. */
  readonly mayTransact: boolean;
  /** Names the server process; without the right to ask, each connection counts as one to another server. */
  readonly server: string;
  /** The server's clock, Unix time in µs: it may be another server each time. */
  readonly timeUs: number;
}

/**
 * Asks all at once: on a slow line each would take its time. PING, because a server that is still loading its data refuses
 * that. Throws what Redis or the library says, or StoreError.
 */
export async function greet(
  client: Redis,
  { mustBeMaster, unusedKey }: { readonly mustBeMaster: boolean; readonly unusedKey: string },
): Promise<Greeting> {
  const [, , mayTransact, info, time] = await Promise.all([
    client.ping(),
    mustBeMaster ? checkRole(client) : undefined,
    tryTransaction(client, unusedKey),
    client.info('server').catch(() => ''),
    client.time() as unknown as Promise<[string | number, string | number]>,
  ]);
  const server = /^run_id:(\w+)/m.exec(info)?.[1] ?? randomUUID();
  return { mayTransact, server, timeUs: Number(time[0]) * 1e6 + Number(time[1]) };
}

async function checkRole(client: Redis): Promise<void> {
  const role = await client.role().catch((error: Error) => {
    // A user without that right must trust the sentinels.
    if (error.message.startsWith('NOPERM')) return ['master'];
    throw error;
  });
  if (role[0] !== 'master') {
    throw new StoreError('readonly', 'the server that the sentinels name is not a master');
  }
}

/** Commands that were sent together, and of which the first one is refused, would be carried out one by one. */
async function tryTransaction(client: Redis, unusedKey: string): Promise<boolean> {
  const [multi, exec, rename] = await Promise.all(
    [client.multi({ pipeline: false }), client.exec(), client.rename(unusedKey, unusedKey)].map((answer) =>
      Promise.resolve(answer).then(String, String),
    ),
  );
  // What stands between us and Redis may not know them either. The key is not there, or on another node.
  return multi === 'OK' && exec === '' && !/NOPERM|unknown command/.test(rename);
}
