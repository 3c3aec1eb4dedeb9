import type { RedisConnection } from './client.ts';
import type { Keys } from './keys.ts';

/** Blocks in one page of a list: a page costs Redis 3 ms, with their sizes 6 ms. */
const PAGE = 2000;

export interface ListedBlock {
  /** Its field in the family's hash, as Latin-1 text: a string costs a third of a Buffer. */
  readonly field: string;
  readonly sequence: number;
  /** Of its value, or what those of the family have on the average. */
  readonly bytes: number;
}

export interface BlockList {
  /** The server's clock when the list was begun, ms. */
  readonly nowMs: number;
  /** See family-meta.ts: a block with a higher revision was changed since. */
  readonly revision: number;
  /** Newest first. */
  readonly blocks: ListedBlock[];
}

/**
 * Lists the blocks of a family. A series that lives from before the call until after it is in one of them, or was in
 * one that has been written anew since. Throws StoreError.
 * @param above only blocks of a higher sequence than this
 * @param sizes those of the blocks are told exactly, which takes Redis more than twice as long
 */
export async function listBlocks(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
  family: string,
  { above, sizes = false }: { readonly above?: number; readonly sizes?: boolean } = {},
): Promise<BlockList> {
  const blocks: ListedBlock[] = [];
  let [nowMs, revision] = [0, 0];
  const first = above ?? '';
  let lowest: number | '' = first;
  for (;;) {
    const reply = (await connection.run({
      script: 'listBlocks',
      keys: [keys.family(bucket, family), keys.order(bucket, family)],
      args: [lowest, PAGE, sizes ? 1 : 0],
    })) as [Buffer, Buffer, number, Array<Buffer | number>];
    const [time, changes, average, list] = reply;
    if (lowest === first) [nowMs, revision] = [Number(String(time)), Number(String(changes))];
    const step = average > 0 ? 2 : 3;
    for (let i = 0; i < list.length; i += step) {
      const field = (list[i] as Buffer).toString('latin1');
      const bytes = average > 0 ? average : Number(list[i + 2]);
      blocks.push({ field, sequence: Number(String(list[i + 1])), bytes });
    }
    if (list.length < PAGE * step) return { nowMs, revision, blocks: blocks.reverse() };
    lowest = blocks[blocks.length - 1].sequence;
  }
}

/** Where a page of blocks ends that has at most so many, and stops at so many bytes. It has one at least. */
export function pageEnd(
  blocks: ReadonlyArray<{ readonly bytes: number }>,
  from: number,
  mostBlocks: number,
  mostBytes: number,
): number {
  let to = from;
  for (let bytes = 0; to < blocks.length && to - from < mostBlocks && bytes < mostBytes; to++)
    bytes += blocks[to].bytes;
  return to;
}
