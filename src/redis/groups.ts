import { firstKey } from './call-keys.ts';
import type { RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import { type GroupInfo, groupInfo } from './group.ts';
import { BUCKETS, type Keys } from './keys.ts';

/** Groups of a bucket in one answer. */
const PAGE = 500;
/**
 * Buckets that one call reads the first page of, where their keys need not lie in one slot: a call for each takes Redis and
 * the gateway longer than to look whether there are groups. A script for all buckets could be a long one.
 */
const BUCKETS_A_CALL = 8;

/** A part of the groups of one bucket. */
interface GroupPage {
  readonly nowMs: number;
  /** '0': it was the last one. */
  readonly next: string;
  /** Id and record of each. */
  readonly records: readonly Buffer[];
}

/**
 * The groups that live, bucket after bucket, to be gone through as often as one likes. The first page of every bucket is
 * read in one round trip and kept: mostly that is all.
 */
export class LiveGroups {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #first: readonly GroupPage[];

  private constructor(connection: RedisConnection, keys: Keys, first: readonly GroupPage[]) {
    this.#connection = connection;
    this.#keys = keys;
    this.#first = first;
  }

  /** Throws StoreError. */
  static async open(connection: RedisConnection, keys: Keys): Promise<LiveGroups> {
    const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
    const aCall = connection.isCluster ? 1 : BUCKETS_A_CALL;
    const calls: Call[] = [];
    for (let from = 0; from < BUCKETS; from += aCall)
      calls.push(pageCall(keys, buckets.slice(from, from + aCall), '0'));
    const first = (await connection.runAll(calls)).flatMap((reply) => {
      if (reply instanceof StoreError) throw reply;
      return toPages(reply);
    });
    return new LiveGroups(connection, keys, first);
  }

  /** All of them. Throws StoreError. */
  async *all(): AsyncGenerator<GroupInfo, void> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) yield* this.inBucket(bucket);
  }

  /** Those of one bucket, one by one: see the next. Throws StoreError. */
  async *inBucket(bucket: number): AsyncGenerator<GroupInfo, void> {
    for await (const page of this.pagesOf(bucket)) yield* page;
  }

  /**
   * Those of one bucket, each once, some at a time: to wait for each takes longer than to show it. Every group that lives from
   * before `open` until the end is among them. Throws StoreError.
   */
  async *pagesOf(bucket: number): AsyncGenerator<GroupInfo[], void> {
    // A bucket has a 64th of all groups, so their ids fit in memory.
    const seen = new Set<string>();
    let page = this.#first[bucket];
    // Which server the first page came from is not known: a second one begins at the beginning.
    let [cursor, walked] = ['0', ''];
    for (;;) {
      const groups: GroupInfo[] = [];
      for (let i = 0; i < page.records.length; i += 2) {
        const id = page.records[i].toString('latin1');
        const info = groupInfo(page.records[i + 1]);
        if (info === undefined || info.deadlineMs <= page.nowMs || seen.has(id)) continue;
        seen.add(id);
        groups.push(info);
      }
      if (groups.length > 0) yield groups;
      if (page.next === '0') return;
      for (;;) {
        const call = pageCall(this.#keys, [bucket], cursor);
        const { reply, server } = await this.#connection.page(call, firstKey(call.keys));
        const isAnother = cursor !== '0' && server !== walked;
        walked = server;
        cursor = '0';
        if (isAnother) continue;
        [page] = toPages(reply);
        cursor = page.next;
        break;
      }
    }
  }
}

function pageCall(keys: Keys, buckets: readonly number[], cursor: string): Call {
  return { script: 'readGroups', keys: buckets.map((bucket) => keys.groups(bucket)), args: [cursor, PAGE] };
}

/** One for each bucket that was asked for. */
function toPages(reply: Reply): GroupPage[] {
  const [time, ...pages] = reply as [Buffer, ...Array<[Buffer, Buffer[]]>];
  const nowMs = Number(String(time));
  return pages.map(([next, records]) => ({ nowMs, next: String(next), records }));
}
