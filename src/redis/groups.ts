import type { RedisConnection } from './client.ts';
import { type GroupInfo, groupInfo } from './group.ts';
import { BUCKETS, type Keys } from './keys.ts';

/** Groups in one answer. */
const PAGE = 500;

/** All groups that live, bucket after bucket, each once. Throws StoreError. */
export async function* liveGroups(connection: RedisConnection, keys: Keys): AsyncGenerator<GroupInfo, void> {
  for (let bucket = 0; bucket < BUCKETS; bucket++) yield* liveGroupsOf(connection, keys, bucket);
}

/** Those of one bucket. Every group that lives from the beginning to the end is among them. */
export async function* liveGroupsOf(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
): AsyncGenerator<GroupInfo, void> {
  // A bucket has a 64th of all groups, so their ids fit in memory.
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const reply = await connection.run({
      script: 'readGroups',
      keys: [keys.groups(bucket)],
      args: [cursor, PAGE],
    });
    const [time, next, ...records] = reply as Buffer[];
    cursor = String(next);
    for (let i = 0; i < records.length; i += 2) {
      const id = records[i].toString('latin1');
      const info = groupInfo(records[i + 1]);
      if (info === undefined || info.deadlineMs <= Number(String(time)) || seen.has(id)) continue;
      seen.add(id);
      yield info;
    }
  } while (cursor !== '0');
}
