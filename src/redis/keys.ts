/**
 * Every key of a deployment, and when it goes. All start with the key prefix.
 *
 *     PREFIX secret            string  16 random bytes that key the hashes of series; stays
 *     PREFIX {b} :index        zset    family name → when Redis lets go of it, ms; one per bucket
 *     PREFIX {b} :clock        string  the highest sequence given out in the bucket
 *     PREFIX {b} :f: NAME      hash    a family: the fields below and its blocks
 *     PREFIX {b} :draft: N     hash    a family within a transaction that writes to it (see commands/shared/drafts.lua)
 *     PREFIX {b} :s: NAME      zset    field of a block → its sequence; only of a large family (see commands/shared/order.lua)
 *     PREFIX {b} :groups       hash    id of a group → its record (see commands/shared/group-record.lua)
 *     PREFIX {b} :deadlines    zset    id of a group → its deadline, ms
 *     PREFIX {b} :g: ID        hash    families of the group → when each was pushed, s; '': not for certain
 *     PREFIX {b} :lock: ID     string  token of whoever changes the group just now
 *
 * The scripts give each key but the secret a native expiry, some time after the latest deadline of what it holds (see
 * commands/shared/keep-family.lua), so what nobody pushes leaves Redis by itself. `{b}`, the number of the bucket, is the
 * hash tag: a bucket lies in one slot.
 *
 * Fields of a family: `m` what is known of it (see commands/shared/family.lua), `c` token of the compaction under way and
 * when it began, `x` when the last one ended (ms), `w` shapes of the groups' keys, `q` who has reserved the family (see
 * commands/push-families.lua). Longer ones: `i` and a digest, a block of /ingest; `g`, the id of a group and a digest, a
 * block of that group; `p` and the id of a group, what it holds (see commands/shared/group-blocks.lua).
 */
export const BUCKETS = 64;

const SUFFIXES = ['_bucket', '_sum', '_count', '_total', '_created', '_info'];

/** What a scraper without UTF-8 names cannot be shown: an underscore stands for it. */
const NOT_CLASSIC = /^[0-9]|[^a-zA-Z0-9_:]/gu;

/** What the names of families that can clash have in common. */
export function baseOf(family: string): string {
  let end = family.length;
  for (;;) {
    const suffix = SUFFIXES.find((suffix) => family.endsWith(suffix, end));
    if (suffix === undefined) return family.slice(0, end);
    end -= suffix.length;
  }
}

/**
 * The bucket of a family: families whose names can clash (`x` as a histogram and `x_count`) share one, so that one
 * script can see both. So do those whose names look the same to a scraper without UTF-8 names (`a.b` and `a_b`).
 */
export function bucketOf(family: string): number {
  return bucketOfText(baseOf(family.replace(NOT_CLASSIC, '_')));
}

export function bucketOfText(text: string): number {
  // FNV-1a, 32 bits: only spreads load; identity is hashed elsewhere, with a key.
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

/** Where a family is. */
export interface FamilyPlace {
  readonly bucket: number;
  readonly hash: string;
  readonly order: string;
}

/** Those that are pushed time and again need not be worked out each time: that takes 600 ns, to look here 20. */
const MOST_PLACES = 2000;
const LONGEST_KEPT_NAME = 200;

export class Keys {
  readonly secret: string;
  readonly #bucketPrefixes: readonly string[];
  readonly #familyPrefixes: readonly string[];
  readonly #places = new Map<string, FamilyPlace>();

  constructor(prefix: string) {
    this.secret = `${prefix}secret`;
    this.#bucketPrefixes = Array.from({ length: BUCKETS }, (_, b) => `${prefix}{${b}}:`);
    this.#familyPrefixes = this.#bucketPrefixes.map((bucketPrefix) => `${bucketPrefix}f:`);
  }

  place(family: string): FamilyPlace {
    const known = this.#places.get(family);
    if (known !== undefined) return known;
    const bucket = bucketOf(family);
    const place = { bucket, hash: this.family(bucket, family), order: this.order(bucket, family) };
    if (family.length > LONGEST_KEPT_NAME) return place;
    if (this.#places.size === MOST_PLACES) this.#places.clear();
    this.#places.set(family, place);
    return place;
  }

  index(bucket: number): string {
    return `${this.#bucketPrefixes[bucket]}index`;
  }

  clock(bucket: number): string {
    return `${this.#bucketPrefixes[bucket]}clock`;
  }

  family(bucket: number, name: string): string {
    return this.#familyPrefixes[bucket] + name;
  }

  /** What the keys of the families of a bucket begin with; the name follows. */
  familyPrefix(bucket: number): string {
    return this.#familyPrefixes[bucket];
  }

  order(bucket: number, name: string): string {
    return `${this.#bucketPrefixes[bucket]}s:${name}`;
  }

  /** Never made. */
  get unused(): string {
    return `${this.#bucketPrefixes[0]}unused`;
  }

  draft(bucket: number, number: number): string {
    return `${this.#bucketPrefixes[bucket]}draft:${number}`;
  }

  groups(bucket: number): string {
    return `${this.#bucketPrefixes[bucket]}groups`;
  }

  groupDeadlines(bucket: number): string {
    return `${this.#bucketPrefixes[bucket]}deadlines`;
  }

  groupFamilies(bucket: number, id: Buffer): string {
    return `${this.#bucketPrefixes[bucket]}g:${id.toString('hex')}`;
  }

  groupLock(bucket: number, id: Buffer): string {
    return `${this.#bucketPrefixes[bucket]}lock:${id.toString('hex')}`;
  }
}
