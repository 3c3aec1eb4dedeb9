import type { RedisConnection } from './client.ts';
import { BUCKETS, type Keys } from './keys.ts';

const PAGE = 1000;
/** So many buckets have their first page on its way: most have no other, and to wait for each would take longer than all. */
const AHEAD = 32;

const NONE: Promise<string[]> = Promise.resolve([]);

export interface BucketNames {
  readonly bucket: number;
  readonly names: readonly string[];
}

/** The names of all families, bucket after bucket (see familyNames). Throws StoreError. */
export async function* allFamilyNames(
  connection: RedisConnection,
  keys: Keys,
): AsyncGenerator<BucketNames, void> {
  const ahead: Array<() => Promise<string[]>> = [];
  let begun = 0;
  const next = (): Promise<string[]> => {
    for (; begun < BUCKETS && ahead.length < AHEAD; begun++) ahead.push(begin(connection, keys, begun));
    const names = ahead.shift()?.() ?? NONE;
    // Awaited only when its turn comes: until then its failure is nobody's.
    names.catch(() => {});
    return names;
  };
  let coming = next();
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const names = await coming;
    // All of one bucket are on their way while those before are worked on.
    coming = next();
    yield { bucket, names };
  }
}

/** Asks for the first page of names, and gives what reads the others. */
function begin(connection: RedisConnection, keys: Keys, bucket: number): () => Promise<string[]> {
  const pages = familyNames(connection, keys, bucket);
  const first = pages.next();
  // Awaited only when its turn comes: until then its failure is nobody's.
  first.catch(() => {});
  return async () => {
    const names: string[] = [];
    for (let page = await first; !page.done; page = await pages.next()) names.push(...page.value);
    return names;
  };
}

/**
 * The names of the families of a bucket, in pages, each name once. Every family that is there from the beginning to the
 * end is among them; one that comes or goes meanwhile may be, and so may one that has ended: its name stays for a while.
 * Throws StoreError.
 */
export async function* familyNames(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
): AsyncGenerator<string[], void> {
  // SCAN commands may return a member twice; a bucket has a 64th of all families, so its names fit in memory.
  const seen = new Set<string>();
  const index = keys.index(bucket);
  let [cursor, walked] = ['0', ''];
  for (;;) {
    const { reply, server } = await connection.page(
      { command: 'ZSCAN', args: [index, cursor, 'COUNT', PAGE] },
      index,
    );
    if (cursor !== '0' && server !== walked) {
      cursor = '0';
      continue;
    }
    walked = server;
    const [next, pairs] = reply as [Buffer, Buffer[]];
    cursor = String(next);
    const page: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i].toString();
      if (!seen.has(name)) {
        seen.add(name);
        page.push(name);
      }
    }
    if (page.length > 0) yield page;
    if (cursor === '0') return;
  }
}
