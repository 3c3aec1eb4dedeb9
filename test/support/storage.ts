import assert from 'node:assert/strict';
import { after, beforeEach } from 'node:test';
import type { Holdings } from '../../src/redis/asked-families.ts';
import { BlockWriter, type FamilyKind } from '../../src/redis/block.ts';
import {
  type BlockWrite,
  type CommitOptions,
  commit,
  type FamilyWrite,
  type Piece,
} from '../../src/redis/block-store.ts';
import { RedisConnection } from '../../src/redis/client.ts';
import { DistinctFamilies } from '../../src/redis/distinct-families.ts';
import { blocksOf, META, readMeta } from '../../src/redis/family-meta.ts';
import { candidateOf, groupOf, namesOfShape } from '../../src/redis/group.ts';
import { type GroupPushOutcome, pushGroup } from '../../src/redis/group-push.ts';
import type { GroupFamilyWrite, GroupPushOptions } from '../../src/redis/group-write.ts';
import { isBlock } from '../../src/redis/holdings.ts';
import { fingerprint } from '../../src/redis/identity-secret.ts';
import { BUCKETS, bucketOf, Keys } from '../../src/redis/keys.ts';
import { KnownFamilies } from '../../src/redis/known-families.ts';
import { type Labels, parseLabels } from '../../src/redis/label-text.ts';
import type { RedisOptions } from '../../src/redis/options.ts';
import { scrape } from '../../src/redis/scrape.ts';
import { eachBlock, isPlace, readFields } from '../../src/redis/shelves.ts';
import { SECOND } from '../../src/units.ts';
import { SeriesHash } from '../../src/workers/identity.ts';
import { PREFIX, startTopology, type Topology } from './topology.ts';

export { PREFIX };
export const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i * 7 + 1);
const CLOCK_OFFSET_KEY = 'test-clock-offset-us';

/** A Redis to use: of a topology, or one server by its port on loopback. */
export type Reachable = number | Pick<Topology, 'options'>;

export function redisOptions(redis: Reachable, overrides: Partial<RedisOptions> = {}): RedisOptions {
  if (typeof redis !== 'number') return redis.options(overrides);
  return {
    endpoints: [{ host: '127.0.0.1', port: redis }],
    mode: 'server',
    db: 0,
    timeoutMs: 5000,
    keyPrefix: PREFIX,
    ...overrides,
  };
}

/**
 * The clock of Redis as the scripts see it can be stepped with `setClock`; its own, which ends keys, goes on as it is.
 * So steps must stay well below the times to live in use. There is one for each bucket, as a script on a Cluster must
 * not look beyond its slot.
 */
export function withSettableClock(lua: string): string {
  const clock = `(function()
    local time = redis.call('TIME')
    local offset = redis.call('GET', '${CLOCK_OFFSET_KEY}' .. string.match(KEYS[1], '{%d+}'))
    local us = time[1] * 1000000 + time[2] + tonumber(offset or 0)
    return { math.floor(us / 1000000), us % 1000000 }
  end)()`;
  return lua.replace(/(redis\.)?call\('TIME'\)/, () => clock);
}

/** Each family that may be on shelves is put there with its first block. */
function withShelves(lua: string): string {
  const limits = /(SHELVE_BYTES, SHELVE_BLOCKS, SHELVE_BLOCK_BYTES, SHELVE_AGAIN) = .*/;
  return withSettableClock(lua).replace(limits, '$1 = 0, 1, 4096, 0');
}

/**
 * The storage as one gateway uses it, without HTTP, threads and parser. `TEST_VALUES=apart`: all values are large for it;
 * `shelved`: all families are, of small blocks.
 */
export class TestStorage implements AsyncDisposable {
  readonly connection: RedisConnection;
  readonly keys = new Keys(PREFIX);
  readonly distinct = new DistinctFamilies();
  readonly holdings: Holdings = new KnownFamilies();
  readonly hash = new SeriesHash(SECRET);

  private constructor(connection: RedisConnection) {
    this.connection = connection;
  }

  static async connect(redis: Reachable, overrides: Partial<RedisOptions> = {}): Promise<TestStorage> {
    const connection = new RedisConnection(redisOptions(redis, overrides), {
      editScript: process.env['TEST_VALUES'] === 'shelved' ? withShelves : withSettableClock,
      ...(process.env['TEST_VALUES'] === 'apart' && { largeValueBytes: 0 }),
    });
    // However short the timeout of its commands is.
    await connection.whenUp(10 * SECOND);
    return new TestStorage(connection);
  }

  async setClock(offsetMs: number): Promise<void> {
    await Promise.all(
      Array.from({ length: BUCKETS }, (_, bucket) =>
        this.connection.command('SET', `${CLOCK_OFFSET_KEY}{${bucket}}`, offsetMs * 1000),
      ),
    );
  }

  /** A block of plain series: `labels` (canonical) to value. */
  block(name: string, series: ReadonlyArray<readonly [labels: string, value: string]>): BlockWrite {
    return this.blockOf(
      'plain',
      series.map(([labels, value]) => [labels, `${name}{${labels}} ${value}\n`]),
    );
  }

  blockOf(kind: FamilyKind, entries: ReadonlyArray<readonly [identity: string, text: string]>): BlockWrite {
    const texts = entries.map(([, text]) => Buffer.from(text));
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    const writer = new BlockWriter(kind, entries.length, bytes, false);
    const hashes = new Uint32Array(entries.length * 2);
    let at = writer.textAt;
    for (const [i, [identity]] of entries.entries()) {
      const label = Buffer.from(identity);
      this.hash.hash(label, 0, label.length);
      writer.add(this.hash.hi, this.hash.lo, texts[i].length);
      hashes[i * 2] = this.hash.lo;
      hashes[i * 2 + 1] = this.hash.hi;
      at += texts[i].copy(writer.value, at);
    }
    const { value } = writer;
    return { digest: this.hash.digest128(hashes, entries.length), value };
  }

  family(name: string, blocks: readonly BlockWrite[], overrides: Partial<FamilyWrite> = {}): FamilyWrite {
    return {
      name,
      kind: 'plain',
      type: 'gauge',
      help: undefined,
      unit: undefined,
      blocks,
      offset: 0,
      ...overrides,
    };
  }

  commit(families: readonly FamilyWrite[], overrides: Partial<CommitOptions> = {}): Promise<Piece[]> {
    return commit(this.connection, this.keys, families, {
      ttlMs: 300_000,
      sequences: undefined,
      fingerprint: fingerprint(SECRET),
      replaceObsolete: false,
      ...overrides,
    });
  }

  /** Stores one family of plain series, as one block, and fails if that is refused. */
  async push(
    name: string,
    series: Readonly<Record<string, string | number>>,
    overrides: Partial<CommitOptions> = {},
  ): Promise<void> {
    const block = this.block(
      name,
      Object.entries(series).map(([labels, value]) => [labels, String(value)]),
    );
    for (const { outcome } of await this.commit([this.family(name, [block])], overrides)) {
      assert.equal(outcome.status, 'stored');
    }
  }

  /** Pushes families of plain series, `labels` (as they are exposed) to value, to a group. */
  pushGroup(
    group: Labels,
    families: Readonly<Record<string, Readonly<Record<string, string | number>>>>,
    overrides: Partial<GroupPushOptions & { type: string; blockSize: number }> = {},
  ): Promise<GroupPushOutcome> {
    const { type = 'gauge', blockSize = 1000 } = overrides;
    const writes = Object.entries(families).map(([name, series]): GroupFamilyWrite => {
      const all = Object.entries(series).map(([labels, value]) => [labels, String(value)] as const);
      const blocks: BlockWrite[] = [];
      for (let from = 0; from < all.length; from += blockSize) {
        blocks.push(this.block(name, all.slice(from, from + blockSize)));
      }
      return { name, kind: 'plain', type, help: undefined, unit: undefined, blocks };
    });
    return this.pushGroupOf(group, writes, {
      candidates: (family, shapes) => {
        const ids = new Map<string, Buffer>();
        for (const labels of Object.keys(families[family.name] ?? {})) {
          for (const shape of shapes) {
            const id = candidateOf(namesOfShape(shape), new Map(parseLabels(labels)));
            if (id !== undefined) ids.set(id.toString('hex'), id);
          }
        }
        return Buffer.concat([...ids.values()]);
      },
      ...overrides,
    });
  }

  pushGroupOf(
    group: Labels,
    families: readonly GroupFamilyWrite[],
    overrides: Partial<GroupPushOptions> = {},
  ): Promise<GroupPushOutcome> {
    return pushGroup(this.connection, this.keys, groupOf(group), families, {
      mode: 'put',
      ttlMs: 300_000,
      fingerprint: fingerprint(SECRET),
      timeoutMs: 5000,
      holdsSecret: async () => true,
      candidates: () => Buffer.alloc(0),
      ...overrides,
    });
  }

  /** How many blocks a family has. */
  async blocksOf(name: string): Promise<number> {
    return (await this.countsOf(name)).blocks;
  }

  /** The blocks of a family, and their bytes, and what is noted of both. */
  async countsOf(name: string) {
    const fields = await this.fieldsOf(name);
    const counts = { blocks: 0, bytes: 0, noted: { blocks: 0, bytes: 0 } };
    for (let i = 0; i < fields.length; i += 2) {
      const field = fields[i].toString('latin1');
      const value = fields[i + 1];
      if (isBlock(field)) {
        counts.blocks++;
        counts.bytes += value.length;
      } else if (field === META) {
        counts.noted = { blocks: blocksOf(value, 0, value.length), bytes: readMeta(value).bytes };
      }
    }
    return counts;
  }

  /** The shelves of a family; none, if it has none. */
  async shelvesOf(name: string): Promise<Buffer[]> {
    const shelves: Buffer[] = [];
    const order = Buffer.from(this.keys.order(bucketOf(name), name));
    for (;;) {
      const key = Buffer.concat([order, Buffer.from([0xff]), Buffer.from(String(shelves.length))]);
      const shelf = (await this.connection.command('GET', key)) as Buffer | null;
      if (shelf === null) return shelves;
      assert.ok(((await this.connection.command('PTTL', key)) as number) > 0, 'a shelf does not end');
      shelves.push(shelf);
    }
  }

  /** The fields of a family and their values in turn, wherever its blocks stand. What is on its shelves is looked at, too. */
  async fieldsOf(name: string): Promise<Buffer[]> {
    const bucket = bucketOf(name);
    const [hash, order] = [this.keys.family(bucket, name), this.keys.order(bucket, name)];
    const held = (await this.connection.command('HGETALL', hash)) as Buffer[];
    const places = held
      .filter((_, i) => i % 2 === 1 && isBlock(held[i - 1].toString('latin1')))
      .filter(isPlace);
    const blocks: string[] = [];
    for (const [number, shelf] of (await this.shelvesOf(name)).entries()) {
      eachBlock(shelf, 0, shelf.length, (start, end) => blocks.push(`${number} ${start - 4} ${end - start}`));
    }
    const expected = places.map((place) => {
      return `${place.readUInt16LE(0)} ${place.readUInt16LE(2)} ${place.readUInt16LE(6)}`;
    });
    assert.deepEqual(blocks.sort(), expected.sort());
    return (await readFields(this.connection, hash, order)) as Buffer[];
  }

  async scrape(options: Parameters<typeof scrape>[2] = {}): Promise<string> {
    const chunks: Buffer[] = [];
    const all = { distinct: this.distinct, holdings: this.holdings, ...options };
    for await (const chunk of scrape(this.connection, this.keys, all)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}

/** Series of an exposition to their values. Fails if one comes twice. */
export function seriesOf(exposition: string): Map<string, string> {
  const series = new Map<string, string>();
  for (const line of exposition.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    const name = line.slice(0, at);
    assert.ok(!series.has(name), `${name} comes twice`);
    series.set(name, line.slice(at + 1));
  }
  return series;
}

/** A Redis and a storage for all tests of a file, emptied before each of them and ended after the last. */
export async function useStorage(): Promise<{ redis: Topology; storage: TestStorage }> {
  const redis = await startTopology();
  const storage = await TestStorage.connect(redis);
  beforeEach(() => redis.flush());
  after(async () => {
    await storage[Symbol.asyncDispose]();
    await redis.stop();
  });
  return { redis, storage };
}
