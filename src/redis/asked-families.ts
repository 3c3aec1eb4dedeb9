import type { RedisConnection } from './client.ts';
import type { BucketNames } from './family-index.ts';
import { type FamilyMeta, readMeta } from './family-meta.ts';
import type { ReadLimits } from './family-reader.ts';
import type { Keys } from './keys.ts';

/** What the clock of a server has shown, and when by our own that was heard: it has shown more since. */
export interface ServerClock {
  readonly nowMs: number;
  /** By performance.now(). */
  readonly at: number;
}

export interface AskedFamily {
  readonly ref: FamilyRef;
  readonly meta: FamilyMeta;
  /** Of a small family: owners of blocks, and blocks, in turn. */
  readonly fields: Buffer[];
}

interface FamilyRef {
  readonly bucket: number;
  readonly name: string;
}

type FamiliesReply = Array<Buffer | null | Buffer[]>;

/** Asks for families, as many of them at once as a call may have, whatever their buckets. */
export class AskedFamilies {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #names: AsyncIterator<BucketNames>;
  readonly #limits: ReadLimits;
  #refs: FamilyRef[] = [];
  /** How many of these have been answered. */
  #answered = 0;
  #ended = false;

  constructor(
    connection: RedisConnection,
    keys: Keys,
    names: AsyncIterable<BucketNames>,
    limits: ReadLimits,
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#names = names[Symbol.asyncIterator]();
    this.#limits = limits;
  }

  /** Those that come next; undefined: none. To be called again when this was answered. Throws StoreError. */
  ask(): Promise<{ families: AskedFamily[]; clock: ServerClock } | undefined> {
    const answer = this.#ask();
    // Awaited only when the families before are done with: until then its failure is nobody's.
    answer.catch(() => {});
    return answer;
  }

  async #ask(): Promise<{ families: AskedFamily[]; clock: ServerClock } | undefined> {
    const { wholeBytes, wholeFields, callFamilies, callBytes, callFields } = this.#limits;
    if (this.#refs.length - this.#answered < callFamilies) await this.#fill();
    let asked = this.#refs.slice(this.#answered, this.#answered + callFamilies);
    if (asked.length === 0) return undefined;
    if (this.#connection.isCluster) asked = asked.filter(({ bucket }) => bucket === asked[0].bucket);
    const reply = (await this.#connection.run({
      script: 'readFamilies',
      keys: asked.map(({ bucket, name }) => this.#keys.family(bucket, name)),
      args: [wholeBytes, wholeFields, callBytes, callFields],
    })) as FamiliesReply;
    const [time, ...answered] = reply;
    const clock = { nowMs: Number(String(time)), at: performance.now() };
    // Fewer than asked for: the answer was full.
    this.#answered += Math.max(1, answered.length);
    const families: AskedFamily[] = [];
    for (const [i, family] of answered.entries()) {
      if (!Array.isArray(family)) continue;
      const [meta, ...fields] = family;
      families.push({ ref: asked[i], meta: readMeta(meta), fields });
    }
    return { families, clock };
  }

  async #fill(): Promise<void> {
    this.#refs = this.#refs.slice(this.#answered);
    this.#answered = 0;
    while (!this.#ended && this.#refs.length < this.#limits.callFamilies) {
      const next = await this.#names.next();
      if (next.done) this.#ended = true;
      else for (const name of next.value.names) this.#refs.push({ bucket: next.value.bucket, name });
    }
  }
}
