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

type FamiliesReply = [time: Buffer, ...families: Array<Buffer | null | Buffer[]>];

interface SentCall {
  readonly refs: readonly FamilyRef[];
  readonly answer: Promise<{ readonly reply: FamiliesReply; readonly at: number }>;
}

/** Of a single block of /ingest, as the script names it where it names owners. */
const INGEST = Buffer.from('i-');
/** Calls on their way at once, as long as their answers are not full. */
const MOST_SENT = 2;

/** Asks for families, as many of them at once as a call may have, whatever their buckets. */
export class AskedFamilies {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #names: AsyncIterator<BucketNames>;
  readonly #limits: ReadLimits;
  /** To be asked for. */
  #refs: FamilyRef[] = [];
  #sent: SentCall[] = [];
  #mostSent = 1;
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
    await this.#send();
    const call = this.#sent.shift();
    if (call === undefined) return undefined;
    const { reply, at } = await call.answer;
    const [time, ...answered] = reply;
    const clock = { nowMs: Number(String(time)), at };
    this.#goOn(call, answered);
    await this.#send();
    const families: AskedFamily[] = [];
    for (const [i, family] of answered.entries()) {
      if (family === null) continue;
      const ref = call.refs[i];
      if (Array.isArray(family)) {
        const [meta, ...fields] = family;
        families.push({ ref, meta: readMeta(meta), fields });
      } else {
        const meta = readMeta(family);
        families.push({ ref, meta, fields: [INGEST, family.subarray(meta.end)] });
      }
    }
    return { families, clock };
  }

  /** Sends what may be on its way. */
  async #send(): Promise<void> {
    const { wholeBytes, wholeFields, callFamilies, callBytes, callFields } = this.#limits;
    while (this.#sent.length < this.#mostSent) {
      if (this.#refs.length < callFamilies) await this.#fill();
      const [first] = this.#refs;
      if (first === undefined) return;
      let count = Math.min(callFamilies, this.#refs.length);
      if (this.#connection.isCluster) {
        const other = this.#refs.findIndex(({ bucket }) => bucket !== first.bucket);
        if (other >= 0) count = Math.min(count, other);
      }
      const refs = this.#refs.slice(0, count);
      this.#refs = this.#refs.slice(count);
      const answer = this.#connection
        .run({
          script: 'readFamilies',
          keys: refs.map(({ bucket, name }) => this.#keys.family(bucket, name)),
          args: [wholeBytes, wholeFields, callBytes, callFields],
        })
        .then((reply) => ({ reply: reply as FamiliesReply, at: performance.now() }));
      // Awaited only when its turn comes, if at all: until then its failure is nobody's.
      answer.catch(() => {});
      this.#sent.push({ refs, answer });
    }
  }

  /** What an answer has no more room for comes next: an answer to what was sent after it is out of its turn. */
  #goOn({ refs }: SentCall, answered: FamiliesReply[1][]): void {
    // One at least, or it would be asked for for ever.
    const left = refs.slice(Math.max(1, answered.length));
    if (left.length > 0) {
      this.#refs = [...left, ...this.#sent.flatMap((sent) => sent.refs), ...this.#refs];
      this.#sent = [];
    }
    const bytes = answered.reduce((sum, family) => sum + bytesOf(family), 0);
    this.#mostSent = bytes * 2 < this.#limits.callBytes ? MOST_SENT : 1;
  }

  async #fill(): Promise<void> {
    while (!this.#ended && this.#refs.length < this.#limits.callFamilies) {
      const next = await this.#names.next();
      if (next.done) this.#ended = true;
      else for (const name of next.value.names) this.#refs.push({ bucket: next.value.bucket, name });
    }
  }
}

function bytesOf(family: Buffer | null | Buffer[]): number {
  if (family === null) return 0;
  return Array.isArray(family) ? family.reduce((sum, { length }) => sum + length, 0) : family.length;
}
