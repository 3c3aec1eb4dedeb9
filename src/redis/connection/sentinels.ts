import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import { SECOND } from '../../units.ts';
import { StoreError } from '../failure.ts';
import type { RedisOptions } from '../options.ts';
import { type LinkOptions, sentinelEndpoints } from './link-options.ts';

const ANSWER_MS = 1 * SECOND;
const RETRY_MS = 500;

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Opinion {
  readonly master: Address;
  /** Of two opinions the one with the higher epoch is later. */
  readonly epoch: number;
  /** It has begun to replace the master, and no other one has taken over yet. */
  readonly isUndecided: boolean;
}

/**
 * Asks the sentinels whether a server is still the master. One that was frozen and wakes up while another takes its place
 * takes writes, and replicas that have not been told yet acknowledge them: WAIT alone does not show that they are lost.
 */
export class Sentinels {
  readonly #clients: readonly Redis[];
  readonly #masterName: string;

  constructor(options: RedisOptions) {
    this.#masterName = options.masterName ?? '';
    this.#clients = sentinelEndpoints(options).map(connect);
  }

  /**
   * Throws StoreError unless most of the sentinels answer, and say that this server is the master. To be asked after the
   * write: a failover that ends later has begun later.
   */
  async confirm(server: Address): Promise<void> {
    const asked = await Promise.all(this.#clients.map((client) => this.#ask(client)));
    const opinions = asked.filter((opinion) => opinion !== undefined);
    if (opinions.length * 2 <= asked.length) {
      throw new StoreError(
        'noreplicas',
        `it is stored, but only ${opinions.length} of ${asked.length} sentinels say on which master (redis.wait_replicas)`,
      );
    }
    const latest = opinions.reduce((a, b) => (b.epoch > a.epoch ? b : a));
    if (opinions.some(({ isUndecided }) => isUndecided) || !(await isSame(latest.master, server))) {
      throw new StoreError('readonly', 'another server is taking the place of the Redis master');
    }
  }

  close(): void {
    for (const client of this.#clients) client.disconnect();
  }

  /** Undefined: it does not answer. */
  async #ask(client: Redis): Promise<Opinion | undefined> {
    try {
      const [current, record] = await Promise.all([
        client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#masterName) as Promise<string[]>,
        client.call('SENTINEL', 'MASTER', this.#masterName) as Promise<string[]>,
      ]);
      const field = (name: string): string => record[record.indexOf(name) + 1] ?? '';
      const isOld = current[0] === field('ip') && current[1] === field('port');
      return {
        master: { host: current[0], port: Number(current[1]) },
        epoch: Number(field('config-epoch')),
        // Once another one has taken over it says which, while the record still shows the old one.
        isUndecided: isOld && field('flags').includes('failover_in_progress'),
      };
    } catch {
      return undefined;
    }
  }
}

function connect(options: LinkOptions): Redis {
  const client = new Redis({ ...options, commandTimeout: ANSWER_MS, retryStrategy: () => RETRY_MS });
  // What it means shows when it is asked.
  client.on('error', () => {});
  return client;
}

/** @param named by the sentinels, who may use names. @param reached as the socket says */
async function isSame(named: Address, reached: Address): Promise<boolean> {
  if (named.port !== reached.port) return false;
  const host = reached.host.replace(/^::ffff:/, '');
  if (isIP(named.host) !== 0) return named.host.replace(/^::ffff:/, '') === host;
  const found = await lookup(named.host, { all: true }).catch(() => []);
  return found.some(({ address }) => address === host);
}
