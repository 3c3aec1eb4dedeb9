import type { RedisConnection } from './client.ts';
import type { ExpositionWriter } from './exposition-writer.ts';
import { familyNames } from './family-index.ts';
import { BUCKETS, baseOf, type Keys } from './keys.ts';

/**
 * Chooses the names of families that cannot be shown under their own. The names that they are shown under may be those
 * of families of any bucket, so all names are looked at once more, but only if there are such families at all.
 *
 * @returns those that can be shown, in order, and their names
 */
export async function renameFamilies(
  connection: RedisConnection,
  keys: Keys,
  names: readonly string[],
  writer: ExpositionWriter,
): Promise<Map<string, string>> {
  const choices = [...names].sort().map((name) => ({ name, others: writer.otherNames?.(name) ?? [] }));
  // The base of a name as shown → the base of who has it: families that belong together do not get in each other's way.
  const holders = new Map<string, string>();
  const wanted = new Set(choices.flatMap(({ others }) => others.map(baseOf)));
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for await (const page of familyNames(connection, keys, bucket)) {
      for (const name of page) {
        const base = baseOf(name);
        if (wanted.has(base)) holders.set(base, base);
      }
    }
  }
  const shown = new Map<string, string>();
  for (const { name, others } of choices) {
    const base = baseOf(name);
    const choice = others.find((other) => (holders.get(baseOf(other)) ?? base) === base);
    if (choice === undefined) continue;
    holders.set(baseOf(choice), base);
    shown.set(name, choice);
    writer.rename?.(name, choice);
  }
  return shown;
}
