import type { RedisConnection } from './client.ts';
import type { Keys } from './keys.ts';

const PAGE = 1000;

/**
 * The names of the families of a bucket, in pages, each name once. Every family that is there from the beginning to the
 * end is among them; one that comes or goes meanwhile may be, and so may one whose last deadline has just passed.
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
