import type { Call } from './commands.ts';
import type { Group } from './group.ts';
import { bucketOf, type Keys } from './keys.ts';

/** Families in one call: of each, a group may have many blocks. */
const CALL_FAMILIES = 50;

/** The calls that take out of families what a group holds there. */
export function dropCalls(keys: Keys, group: Group, families: readonly string[]): Call[] {
  return calls(keys, families, (bucket, familyKeys, names) => {
    return { script: 'dropFamilies', keys: [keys.index(bucket), ...familyKeys], args: [group.id, ...names] };
  });
}

/** The calls that give what a group holds in families a new deadline. */
export function prolongCalls(keys: Keys, group: Group, families: readonly string[], ttlMs: number): Call[] {
  return calls(keys, families, (bucket, familyKeys, names) => {
    const callKeys = [keys.index(bucket), keys.clock(bucket), ...familyKeys];
    return { script: 'prolongFamilies', keys: callKeys, args: [group.id, ttlMs, ...names] };
  });
}

function calls(
  keys: Keys,
  families: readonly string[],
  toCall: (bucket: number, familyKeys: string[], names: string[]) => Call,
): Call[] {
  const byBucket = new Map<number, string[]>();
  for (const name of families) {
    const bucket = bucketOf(name);
    byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), name]);
  }
  const made: Call[] = [];
  for (const [bucket, all] of byBucket) {
    for (let from = 0; from < all.length; from += CALL_FAMILIES) {
      const names = all.slice(from, from + CALL_FAMILIES);
      const familyKeys: string[] = [];
      for (const name of names) familyKeys.push(keys.family(bucket, name), keys.order(bucket, name));
      made.push(toCall(bucket, familyKeys, names));
    }
  }
  return made;
}
