/**
 * Every key of a deployment, and when it goes. All start with the key prefix.
 *
 *     PREFIX secret            string  16 random bytes that key the hashes of series; stays
 *     PREFIX {b} :index        zset    family name → when Redis lets go of it, ms; one per bucket
 *     PREFIX {b} :clock        string  the highest sequence given out in the bucket
 *     PREFIX {b} :f: NAME      hash    a family: the fields below and its blocks
 *     PREFIX {b} :draft: N     hash    a family within a transaction that writes to it (see commands/shared/drafts.lua)
 *     PREFIX {b} :s: NAME      zset    field of a block → its sequence; only of a large family (see commands/shared/order.lua)
 *     PREFIX {b} :s: NAME ff N string  a shelf of blocks, number N; only of a family of many small ones (see
 *                                      commands/shared/shelves.lua). `ff` is that byte
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
 * when it began, `x` when the last one ended (ms), `f` its shelves, `w` shapes of the groups' keys, `q` who has reserved the family (see
 * commands/push-families.lua). Longer ones: `i` and a digest, a block of /ingest; `g`, the id of a group and a digest, a
 * block of that group; `p` and the id of a group, what it holds; `g` and the id of a group, its only block (see
 * commands/shared/group-blocks.lua). Of a family on shelves the fields of blocks say where these stand.
 */
export const BUCKETS = 64;

const SUFFIXES = ['_bucket', '_sum', '_count', '_total', '_created', '_info'];

/** By the character that they end with: most names end with none of these. */
const SUFFIXES_BY_END = new Map<number, string[]>();
for (const suffix of SUFFIXES) {
  const end = suffix.charCodeAt(suffix.length - 1);
  SUFFIXES_BY_END.set(end, [...(SUFFIXES_BY_END.get(end) ?? []), suffix]);
}

/** What a scraper without UTF-8 names cannot be shown: an underscore stands for it. */
const NOT_CLASSIC = /^[0-9]|[^a-zA-Z0-9_:]/gu;

/** What the names of families that can clash have in common. */
export function baseOf(family: string): string {
  let end = family.length;
  for (;;) {
    const length = suffixBefore(family, end);
    if (length === 0) return end === family.length ? family : family.slice(0, end);
    end -= length;
  }
}

/** The length of the suffix that ends there; 0 if none does. */
function suffixBefore(family: string, end: number): number {
  const some = end === 0 ? undefined : SUFFIXES_BY_END.get(family.charCodeAt(end - 1));
  if (some !== undefined) for (const suffix of some) if (family.endsWith(suffix, end)) return suffix.length;
  return 0;
}

/**
 * The bucket of a family: families whose names can clash (`x` as a histogram and `x_count`) share one, so that one
 * script can see both. So do those whose names look the same to a scraper without UTF-8 names (`a.b` and `a_b`).
 */
export function bucketOf(family: string): number {
  return bucketOfText(baseOf(isPlain(family) ? family : family.replace(NOT_CLASSIC, '_')));
}

/** Whether there is certainly nothing to replace: it begins with a letter, and has letters, digits and underscores. */
function isPlain(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    if (!isLetter && (i === 0 || (code !== 0x5f && (code < 0x30 || code > 0x39)))) return false;
  }
  return true;
}

export function bucketOfText(text: string): number {
  return hashOf(text) & (BUCKETS - 1);
}

/** FNV-1a, 32 bits, of which the lower ones are used. Only spreads load; identity is hashed elsewhere, with a key. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

/**
 * Of families that are pushed time and again the bucket need not be worked out each time. So many may be known, each at the
 * place that its hash tells: the next one there takes it.
 */
const PLACES = 2048;
const LONGEST_KEPT_NAME = 200;

export class Keys {
  readonly secret: string;
  readonly #bucketPrefixes: readonly string[];
  readonly #familyPrefixes: readonly string[];
  readonly #orderPrefixes: readonly string[];
  readonly #known: Array<string | undefined> = new Array(PLACES).fill(undefined);
  readonly #buckets = new Uint8Array(PLACES);

  constructor(prefix: string) {
    this.secret = `${prefix}secret`;
    this.#bucketPrefixes = Array.from({ length: BUCKETS }, (_, b) => `${prefix}{${b}}:`);
    this.#familyPrefixes = this.#bucketPrefixes.map((bucketPrefix) => `${bucketPrefix}f:`);
    this.#orderPrefixes = this.#bucketPrefixes.map((bucketPrefix) => `${bucketPrefix}s:`);
  }

  /** As bucketOf tells. */
  bucket(family: string): number {
    const at = hashOf(family) & (PLACES - 1);
    if (this.#known[at] === family) return this.#buckets[at];
    const bucket = bucketOf(family);
    if (family.length <= LONGEST_KEPT_NAME) {
      this.#known[at] = family;
      this.#buckets[at] = bucket;
    }
    return bucket;
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
    return this.#orderPrefixes[bucket] + name;
  }

  /** What the keys of the orders of a bucket begin with; the name follows. */
  orderPrefix(bucket: number): string {
    return this.#orderPrefixes[bucket];
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
