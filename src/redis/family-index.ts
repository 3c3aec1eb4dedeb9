import type { RedisConnection } from './client.ts';
import type { Slab } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';
import { BUCKETS, type Keys } from './keys.ts';

const PAGE = 1000;
/**
 * So many buckets have their first page on its way: most have no other, and to wait for each would take longer than all. But
 * Redis carries out together what comes together, and of those that may have thousands of names that would take it long. All
 * have about as many: so it depends on those of the last one.
 */
const AHEAD_OF_FEW = 32;
const AHEAD = 8;
const AHEAD_OF_MANY = 2;
const FEW = 16;
const MANY = 500;

/**
 * An index of fewer names is read at once, which takes Redis 0.6 µs a name, 2.5 ms at the most; to walk through it with a
 * cursor takes 0.8 µs, and several round trips. What is more, names then come in the order of their ends, mostly that in
 * which the families were made, and so do the families when they are read. What Redis looks at lies more or less together
 * then, and to read 200,000 small families takes it 0.4 instead of 0.65 s.
 */
const MOST_AT_ONCE = 4000;

const NONE: Promise<IndexPage & { at: number }> = Promise.resolve({ names: [], mostBytes: [], at: 0 });

const POINT = '.'.charCodeAt(0);
const DIGIT_0 = 0x30;

export interface BucketNames {
  readonly bucket: number;
  readonly names: readonly string[];
  /** How large each is, if that is known. */
  readonly told?: ToldSizes | undefined;
}

export interface ToldSizes {
  /** In the order of the names: bytes that its blocks have at the most; infinite: not known. */
  readonly mostBytes: readonly number[];
  /** Before that was told, by performance.now(). */
  readonly at: number;
}

interface IndexPage {
  readonly names: string[];
  readonly mostBytes: number[];
}

/** The names of all families, bucket after bucket (see familyNames). Throws StoreError. */
export async function* allFamilyNames(
  connection: RedisConnection,
  keys: Keys,
): AsyncGenerator<BucketNames, void> {
  const ahead: Array<() => typeof NONE> = [];
  let begun = 0;
  // All have about as many; of the first one nothing is known.
  let most = AHEAD_OF_MANY;
  let areLarge = false;
  const next = (): typeof NONE => {
    for (; begun < BUCKETS && ahead.length < most; begun++) {
      ahead.push(areLarge ? inPages(connection, keys, begun) : atOnce(connection, keys, begun));
    }
    const all = ahead.shift()?.() ?? NONE;
    // Awaited only when its turn comes: until then its failure is nobody's.
    all.catch(() => {});
    return all;
  };
  let coming = next();
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const { names, ...told } = await coming;
    areLarge = names.length >= MOST_AT_ONCE;
    most = names.length <= FEW ? AHEAD_OF_FEW : names.length <= MANY ? AHEAD : AHEAD_OF_MANY;
    // All of one bucket are on their way while those before are worked on.
    coming = next();
    yield { bucket, names, told };
  }
}

/** Asks for all names of a bucket, and gives what they are; if they are too many, what reads them in pages. */
function atOnce(connection: RedisConnection, keys: Keys, bucket: number): () => typeof NONE {
  const at = performance.now();
  const index = keys.index(bucket);
  const answer = new NamesAnswer();
  const asked = connection.page(
    { command: 'ZRANGE', args: [index, 0, MOST_AT_ONCE - 1, 'WITHSCORES'], sink: answer },
    index,
  );
  asked.catch(() => {});
  return async () => {
    await asked;
    const { names, mostBytes } = answer;
    return names.length < MOST_AT_ONCE ? { names, mostBytes, at } : inPages(connection, keys, bucket)();
  };
}

/** Asks for the first page of names, and gives what reads the others. */
function inPages(connection: RedisConnection, keys: Keys, bucket: number): () => typeof NONE {
  const at = performance.now();
  const pages = indexPages(connection, keys, bucket);
  const first = pages.next();
  // Awaited only when its turn comes: until then its failure is nobody's.
  first.catch(() => {});
  return async () => {
    const names: string[] = [];
    const mostBytes: number[] = [];
    for (let page = await first; !page.done; page = await pages.next()) {
      names.push(...page.value.names);
      mostBytes.push(...page.value.mostBytes);
    }
    return { names, mostBytes, at };
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
  for await (const { names } of indexPages(connection, keys, bucket)) yield names;
}

async function* indexPages(
  connection: RedisConnection,
  keys: Keys,
  bucket: number,
): AsyncGenerator<IndexPage, void> {
  // SCAN commands may return a member twice; a bucket has a 64th of all families, so its names fit in memory.
  const seen = new Set<string>();
  const index = keys.index(bucket);
  let [cursor, walked] = ['0', ''];
  for (;;) {
    const answer = new PageAnswer();
    const { server } = await connection.page(
      { command: 'ZSCAN', args: [index, cursor, 'COUNT', PAGE], sink: answer },
      index,
    );
    if (cursor !== '0' && server !== walked) {
      cursor = '0';
      continue;
    }
    walked = server;
    cursor = answer.cursor;
    const page: IndexPage = { names: [], mostBytes: [] };
    for (const [i, name] of answer.names.entries()) {
      if (seen.has(name)) continue;
      seen.add(name);
      page.names.push(name);
      page.mostBytes.push(answer.mostBytes[i]);
    }
    if (page.names.length > 0) yield page;
    if (cursor === '0') return;
  }
}

/** The answer to ZRANGE: names and scores in turn. */
class NamesAnswer implements BatchSink {
  names: string[] = [];
  mostBytes: number[] = [];

  begin(): void {
    this.names = [];
    this.mostBytes = [];
  }

  bulk({ bytes }: Slab, from: number, to: number): void {
    if (this.names.length === this.mostBytes.length) this.names.push(bytes.toString('utf8', from, to));
    else this.mostBytes.push(mostBytesOf(bytes, from, to));
  }

  end(): void {}
}

/** The answer to ZSCAN: a cursor, then the same. */
class PageAnswer extends NamesAnswer {
  cursor = '';

  override begin(): void {
    super.begin();
    this.cursor = '';
  }

  override bulk(slab: Slab, from: number, to: number): void {
    if (this.cursor === '') this.cursor = slab.bytes.toString('latin1', from, to);
    else super.bulk(slab, from, to);
  }
}

/** How large a family is at the most, which its score tells behind the point: see commands/shared/family.lua. */
function mostBytesOf(score: Buffer, start: number, end: number): number {
  let at = end;
  let [digits, unit] = [0, 1];
  while (at > start && score[at - 1] !== POINT) {
    digits += ((score[--at] as number) - DIGIT_0) * unit;
    unit *= 10;
  }
  if (at === start) return Number.POSITIVE_INFINITY;
  return 128 * 2 ** Math.round((digits / unit) * 32);
}
