import type { RedisConnection } from './client.ts';
import { FamilyBlocks } from './family-blocks.ts';

export interface HashReply {
  readonly blocks: FamilyBlocks;
  /** By performance.now(). */
  readonly sentAt: number;
}

/** Reads the hashes of families whole, in the order in which they were added; some are on their way while one is worked on. */
export class HashReader {
  readonly #connection: RedisConnection;
  readonly #aheadBytes: number;
  readonly #hashes: Array<{ readonly key: string; readonly bytes: number }> = [];
  readonly #coming = new Map<number, Promise<HashReply>>();

  /** @param aheadBytes so much may be on its way; one hash always may */
  constructor(connection: RedisConnection, aheadBytes: number) {
    this.#connection = connection;
    this.#aheadBytes = aheadBytes;
  }

  /** @returns what reads the hash, once. Throws StoreError. */
  add(key: string, bytes: number): () => Promise<HashReply> {
    const i = this.#hashes.push({ key, bytes }) - 1;
    return async () => {
      const reply = await this.#ask(i);
      this.#coming.delete(i);
      let ahead = 0;
      for (let next = i + 1; next < this.#hashes.length && ahead < this.#aheadBytes; next++) {
        void this.#ask(next);
        ahead += this.#hashes[next].bytes;
      }
      return reply;
    };
  }

  #ask(i: number): Promise<HashReply> {
    const asked = this.#coming.get(i);
    if (asked !== undefined) return asked;
    const sentAt = performance.now();
    const blocks = new FamilyBlocks();
    const reply = this.#connection
      .pour(blocks, 'HGETALL', this.#hashes[i].key)
      .then(() => ({ blocks, sentAt }));
    // Awaited only when its turn comes: until then its failure is nobody's.
    reply.catch(() => {});
    this.#coming.set(i, reply);
    return reply;
  }
}
