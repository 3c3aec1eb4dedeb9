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
  let cursor = '0';
  do {
    const reply = await connection.command('ZSCAN', keys.index(bucket), cursor, 'COUNT', PAGE);
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
  } while (cursor !== '0');
}
