import type { RedisConnection } from './client.ts';
import type { Keys } from './keys.ts';

/** Blocks in one page of a list: a page costs Redis well under a millisecond. */
const PAGE = 2000;

export interface ListedBlock {
  /** Its field in the family's hash, as Latin-1 text: a string costs a third of a Buffer. */
  readonly field: string;
  readonly sequence: number;
}

export interface BlockList {
  /** The server's clock when the list was begun, ms. */
  readonly nowMs: number;
  /** How often compaction had changed blocks of the family then: a block with a higher revision was changed since. */
  readonly revision: number;
  /** Newest first. */
  readonly blocks: ListedBlock[];
}

/**
 * Lists the blocks of a family. A series that lives from before the call until after it is in one of them, or was in
 * one that has been written anew since. Throws StoreError.
 */
export async function listBlocks(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
  family: string,
): Promise<BlockList> {
  const blocks: ListedBlock[] = [];
  let [nowMs, revision] = [0, 0];
  let lowest = '-inf';
  for (;;) {
    const reply = (await connection.run({
      script: 'listBlocks',
      keys: [keys.family(bucket, family), keys.order(bucket, family)],
      args: [lowest, PAGE],
    })) as Buffer[];
    if (lowest === '-inf') [nowMs, revision] = [Number(String(reply[0])), Number(String(reply[1]))];
    for (let i = 2; i < reply.length; i += 2) {
      blocks.push({ field: reply[i].toString('latin1'), sequence: Number(String(reply[i + 1])) });
    }
    if (reply.length - 2 < PAGE * 2) return { nowMs, revision, blocks: blocks.reverse() };
    lowest = `(${blocks[blocks.length - 1].sequence}`;
  }
}
