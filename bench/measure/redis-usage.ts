import { Redis } from 'ioredis';
import type { RedisServer } from '../../test/support/redis-server.ts';

/** Watches a Redis through a connection of its own. Made while the server is empty: that is what memory is compared with. */
export class RedisUsage implements Disposable {
  readonly #client: Redis;
  #emptyBytes = 0;

  private constructor(client: Redis) {
    this.#client = client;
  }

  static async of(server: RedisServer): Promise<RedisUsage> {
    const usage = new RedisUsage(new Redis(server.port, server.host));
    usage.#emptyBytes = await usage.#bytes();
    return usage;
  }

  /** Memory that the data takes: what is used beyond the empty server, without the buffers of connections. */
  async dataBytes(): Promise<number> {
    return (await this.#bytes()) - this.#emptyBytes;
  }

  /** Commands that took longer than 10 ms (Redis's default), since the start. */
  async slowCommands(): Promise<number> {
    return Number(await this.#client.slowlog('LEN'));
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
  }

  async #bytes(): Promise<number> {
    const info = await this.#client.info('memory');
    const value = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
    return value('used_memory') - value('mem_clients_normal');
  }
}
