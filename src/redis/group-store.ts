import { sendTimed } from './batches.ts';
import { BlockView, NEVER_MS } from './block.ts';
import { BlockMerge, type Piece } from './block-merge.ts';
import { DIGEST_BYTES } from './block-store.ts';
import type { RedisConnection } from './client.ts';
import { StoreError, toStoreError } from './failure.ts';
import { familyNames } from './family-index.ts';
import { META, readMeta } from './family-meta.ts';
import type { FamilyHead } from './family-reader.ts';
import { type Group, groupOf } from './group.ts';
import { GroupLease } from './group-lease.ts';
import { GroupReleases } from './group-releases.ts';
import { dropCalls } from './group-upkeep.ts';
import { LiveGroups } from './groups.ts';
import { GROUP_OWNER, HOLDING } from './holdings.ts';
import { BUCKETS, bucketOf, type Keys } from './keys.ts';
import type { Labels } from './label-text.ts';
import { Retries } from './retries.ts';
import { readFields } from './shelves.ts';

/** Families or groups in one call of a wipe. */
const WIPE_PAGE = 200;
/** Blocks in one answer: about a megabyte. */
const READ_PAGE = 16;

const HOLDING_BYTES = Buffer.from(HOLDING);
const OWNER_BYTES = Buffer.from(GROUP_OWNER);

/** A metric family as one group holds it. */
export interface GroupFamily extends FamilyHead {
  /** When it was pushed, Unix time, s. */
  readonly timeS: number;
  /** Its lines, each series once. */
  readonly pieces: readonly Piece[];
}

export interface DeleteOptions {
  /** Of a command of the connection. */
  readonly timeoutMs: number;
  readonly retries?: Retries;
  readonly releases?: GroupReleases;
}

/**
 * Deletes a group with all that it holds. Returns false if there is none. Each family goes at once for those who read it.
 * Tried again as a push is. Throws StoreError; then some families may be gone.
 */
export async function deleteGroup(
  connection: RedisConnection,
  keys: Keys,
  labels: Labels,
  { timeoutMs, retries = new Retries(connection), releases = new GroupReleases() }: DeleteOptions,
): Promise<boolean> {
  const group = groupOf(labels);
  const lease = new GroupLease(connection, keys, group, timeoutMs);
  let found = false;
  const failure = await retries.run(
    async () => {
      try {
        const { lives, had } = await lease.begin([], 0);
        // An earlier attempt may have deleted it.
        found ||= lives;
        await dropAll(connection, keys, group, had, lease);
        found = (await lease.end('deleted')) || found;
        return undefined;
      } catch (thrown) {
        return toStoreError(thrown);
      }
    },
    (error) => error,
  );
  if (failure === undefined) return found;
  void lease.giveUp(releases);
  throw failure;
}

async function dropAll(
  connection: RedisConnection,
  keys: Keys,
  group: Group,
  families: readonly string[],
  lease: GroupLease,
): Promise<void> {
  const calls = dropCalls(keys, group, families);
  // A few at a time, so that a group of very many families keeps nobody waiting.
  for (let from = 0; from < calls.length; from += 64) {
    await lease.renew(0);
    for (const reply of await sendTimed(connection, calls.slice(from, from + 64))) {
      if (reply instanceof StoreError) throw reply;
    }
  }
}

/** What a group holds, family after family. Throws StoreError. */
export async function* groupFamilies(
  connection: RedisConnection,
  keys: Keys,
  labels: Labels,
): AsyncGenerator<GroupFamily, void> {
  const { id, bucket } = groupOf(labels);
  const fields = (await connection.command('HGETALL', keys.groupFamilies(bucket, id))) as Buffer[];
  for (let i = 0; i < fields.length; i += 2) {
    const family = await groupFamily(connection, keys, id, String(fields[i]), Number(String(fields[i + 1])));
    if (family !== undefined) yield family;
  }
}

async function groupFamily(
  connection: RedisConnection,
  keys: Keys,
  id: Buffer,
  name: string,
  timeS: number,
): Promise<GroupFamily | undefined> {
  const bucket = bucketOf(name);
  const [hash, order] = [keys.family(bucket, name), keys.order(bucket, name)];
  const asked = [Buffer.from(META), Buffer.concat([OWNER_BYTES, id]), Buffer.concat([HOLDING_BYTES, id])];
  const [meta, lone, holding] = await readFields(connection, hash, order, asked);
  if (meta === null) return undefined;
  // An empty one was evicted.
  const pieces = !lone?.length ? await heldTexts(connection, hash, id, holding) : loneTexts(lone);
  if (pieces.length === 0) return undefined;
  const { type, help, unit } = readMeta(meta);
  return { name, type, help, unit, timeS, pieces };
}

/** Alive is the group as a whole, whatever stands in its blocks. */
function loneTexts(value: Buffer): Piece[] {
  const pieces: Piece[] = [];
  new BlockMerge().take(BlockView.of(value), 0, NEVER_MS, pieces);
  return pieces;
}

async function heldTexts(
  connection: RedisConnection,
  hash: string,
  id: Buffer,
  holding: Buffer | null,
): Promise<Piece[]> {
  if (holding === null) return [];
  // Digests stand in the order in which the blocks were written: of a series in two blocks the last one counts.
  const fields: Buffer[] = [];
  for (let at = holding.length - DIGEST_BYTES; at >= 8; at -= DIGEST_BYTES) {
    fields.push(Buffer.concat([OWNER_BYTES, id, holding.subarray(at, at + DIGEST_BYTES)]));
  }
  const merge = new BlockMerge(fields.length * 16);
  const pieces: Piece[] = [];
  for (let from = 0; from < fields.length; from += READ_PAGE) {
    const values = await connection.command('HMGET', hash, ...fields.slice(from, from + READ_PAGE));
    for (const value of values as Array<Buffer | null>) {
      if (value !== null) merge.take(BlockView.of(value), 0, NEVER_MS, pieces);
    }
  }
  return pieces;
}

/**
 * Removes everything, whoever pushed it. What is pushed meanwhile may stay, or stay in part. Throws StoreError.
 *
 * Groups go before families: of a push whose group is gone all series were stored before, and go with the families. So
 * no series is left without its group.
 */
export async function wipe(
  connection: RedisConnection,
  keys: Keys,
  retries = new Retries(connection),
): Promise<void> {
  const failure = await retries.run(
    () => wipeOnce(connection, keys).then(() => undefined, toStoreError),
    (error) => error,
  );
  if (failure !== undefined) throw failure;
}

async function wipeOnce(connection: RedisConnection, keys: Keys): Promise<void> {
  const groups = await LiveGroups.open(connection, keys);
  for (let bucket = 0; bucket < BUCKETS; bucket++) await wipeGroups(connection, keys, groups, bucket);
  for (let bucket = 0; bucket < BUCKETS; bucket++) await wipeFamilies(connection, keys, bucket);
}

async function wipeGroups(
  connection: RedisConnection,
  keys: Keys,
  groups: LiveGroups,
  bucket: number,
): Promise<void> {
  let families: string[] = [];
  const unlink = async (): Promise<void> => {
    if (families.length > 0) await connection.command('UNLINK', ...families);
    families = [];
  };
  for await (const { labels } of groups.inBucket(bucket)) {
    families.push(keys.groupFamilies(bucket, groupOf(labels).id));
    if (families.length === WIPE_PAGE) await unlink();
  }
  await unlink();
  await connection.command('UNLINK', keys.groups(bucket), keys.groupDeadlines(bucket));
}

async function wipeFamilies(connection: RedisConnection, keys: Keys, bucket: number): Promise<void> {
  for await (const names of familyNames(connection, keys, bucket)) {
    for (let from = 0; from < names.length; from += WIPE_PAGE) {
      const page = names.slice(from, from + WIPE_PAGE);
      const hashes = page.flatMap((name) => [keys.family(bucket, name), keys.order(bucket, name)]);
      await connection.run({ script: 'wipeFamilies', keys: [keys.index(bucket), ...hashes], args: page });
    }
  }
}
