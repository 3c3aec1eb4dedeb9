import type { RedisConnection } from './client.ts';
import { argumentBytes, CommandList, commandBytes } from './connection/command-list.ts';
import { Slab } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';
import { StoreError } from './failure.ts';
import { FamilyAnswers } from './family-answers.ts';
import type { FamilyBlocks, Needed } from './family-blocks.ts';
import type { BucketNames } from './family-index.ts';
import { META } from './family-meta.ts';
import { FamilySizes } from './family-sizes.ts';
import type { Keys } from './keys.ts';
import type { KnownFamilies } from './known-families.ts';
import type { ReadLimits } from './read-limits.ts';
import { readFields, shelvesCommand } from './shelves.ts';

/**
 * So many batches are on their way: Redis answers one while another is worked on. Of small ones there are more, until they
 * have `aheadBytes`: 200,000 families of one series took a tenth longer with two than with three, and 4 % less with six. But
 * with three of half a megabyte a scrape of 100,000 series took 24.7 instead of 20.0 ms.
 */
const LEAST_SENT = 2;
const MOST_SENT = 6;

const TIME = commandBytes(['TIME']);
const HVALS = commandBytes(['HVALS'], 1);
const HGETALL = commandBytes(['HGETALL'], 1);
const HGET = commandBytes(['HGET'], 2);
const META_ARGUMENT = argumentBytes(META);

export interface FamilyRef {
  readonly bucket: number;
  readonly name: string;
  /** Of all its blocks, at the most; infinite: not known. */
  bytes: number;
  /** When that was told, by performance.now(). */
  at: number;
}

/**
 * Families in which groups have blocks that say nothing of their deadline: these must be read with their fields. And those on
 * shelves, with the number of these.
 */
export type Holdings = KnownFamilies<Needed>;

/** Some may have come since. And if the last one is not there, all are known to have been asked for. */
const MORE_SHELVES = 2;

interface SentBatch {
  readonly answers: FamilyAnswers;
  readonly bytes: number;
  readonly answered: Promise<unknown>;
}

/** What comes next: families that have been read whole, or one that is too large for that. */
export type Asked = FamilyAnswers | FamilyRef;

/**
 * Reads families in their order: those that are not too large, as many in one batch as its answer may have. How large they
 * are the index has just told, or they are looked at first, many in one batch. Some are on their way while others are
 * worked on.
 *
 * Two plain commands a family take Redis half of what a script takes that looks at a family and reads it: that makes a
 * string of Lua's own of each field, and the answer of tables. Only values are asked for, and fields, too, of the families
 * that are known to need them (see family-values.ts); of those that are known to be on shelves, these (see shelves.ts).
 */
export class AskedFamilies {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #names: AsyncIterator<BucketNames>;
  readonly #limits: ReadLimits;
  readonly #holdings: Holdings;
  /** The bucket that was begun last, and how many of its names were taken. There may be very many. */
  #bucket: BucketNames = { bucket: 0, names: [] };
  #taken = 0;
  #ended = false;
  /** To be looked at once more, before others; to be read; and on their way. */
  #stale: FamilyRef[] = [];
  #sized: FamilyRef[] = [];
  readonly #sent: SentBatch[] = [];
  /** While some are looked at. If that fails, for good. */
  #sizing: Promise<void> | undefined;
  readonly #free: FamilyAnswers[] = [];
  #onAllAsked: (() => void) | undefined;
  /** A large family was given that its reader asks for itself, and may still be reading. */
  #isReading = false;
  #closed = false;

  constructor(
    connection: RedisConnection,
    keys: Keys,
    names: AsyncIterable<BucketNames>,
    limits: ReadLimits,
    holdings: Holdings,
    onAllAsked?: () => void,
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#names = names[Symbol.asyncIterator]();
    this.#limits = limits;
    this.#holdings = holdings;
    this.#onAllAsked = onAllAsked;
  }

  /** Undefined: there are no more. Throws StoreError. */
  async next(): Promise<Asked | undefined> {
    this.#isReading = false;
    for (;;) {
      this.#goOn();
      const [sent] = this.#sent;
      if (sent !== undefined) {
        await sent.answered;
        this.#sent.shift();
        this.#goOn();
        return sent.answers;
      }
      const first = this.#sized[0];
      if (first !== undefined && first.bytes > this.#limits.onceBytes) {
        this.#sized.shift();
        this.#isReading = true;
        return first;
      }
      if (this.#sizing === undefined) return undefined;
      await this.#sizing;
    }
  }

  /** The large family that is given next, if it is known already. */
  get following(): FamilyRef | undefined {
    const first = this.#sized[0];
    return this.#sent.length === 0 && first?.bytes > this.#limits.onceBytes ? first : undefined;
  }

  /**
   * Reads those that are unclear once more, as what has come of them says: with their fields, or their shelves. Undefined:
   * none is. Throws StoreError.
   */
  async again(first: FamilyAnswers): Promise<FamilyAnswers | undefined> {
    const refs: FamilyRef[] = [];
    const needs: Needed[] = [];
    for (const [i, ref] of first.refs.entries()) {
      const blocks = first.blocksOf(i);
      if (!blocks.isUnclear) continue;
      refs.push(ref);
      needs.push(blocks.needed);
    }
    if (refs.length === 0) return undefined;
    const answers = this.#expect(refs, (i) => needs[i]);
    await this.#ask(refs, answers.commands, answers);
    for (const [i, ref] of refs.entries()) {
      const blocks = answers.blocksOf(i);
      const { shelfCount, lacksShelves } = blocks;
      if (blocks.isUnclear) await this.#readSlowly(ref, blocks);
      if (blocks.hasHoldings) this.#holdings.set(ref.name, true);
      else if (shelfCount > 0) this.#holdings.set(ref.name, lacksShelves ? 2 * shelfCount : shelfCount);
      else this.#holdings.delete(ref.name);
    }
    return answers;
  }

  /** As a whole, by a script, wherever its blocks stand: seldom, if it has changed from one look to the next. */
  async #readSlowly({ bucket, name }: FamilyRef, blocks: FamilyBlocks): Promise<void> {
    const keys = this.#keys;
    const all = await readFields(this.#connection, keys.family(bucket, name), keys.order(bucket, name));
    blocks.release();
    blocks.withFields = true;
    blocks.shelves = 0;
    for (const text of all as Buffer[]) blocks.bulk(new Slab(text), 0, text.length);
  }

  /** What was read is not looked at any more. */
  release(answers: FamilyAnswers): void {
    for (let i = 0; i < answers.refs.length && !this.#holdings.isEmpty; i++) {
      const { name } = answers.refs[i];
      const blocks = answers.blocksOf(i);
      // What is known of it then has been told when it was read once more.
      if (blocks.isGone || blocks.isUnclear) continue;
      if (blocks.shelves > 0) this.#holdings.set(name, blocks.shelfCount);
      else if (blocks.withFields && !blocks.hasHoldings && !blocks.readMeta().isShelved)
        this.#holdings.delete(name);
    }
    answers.release();
    this.#free.push(answers);
  }

  /** Nobody asks for more. */
  close(): void {
    this.#closed = true;
    this.#names.return?.().catch(() => {});
  }

  /** Sends what may be on its way. */
  #goOn(): void {
    if (this.#closed) return;
    const { aheadBytes, sizeFamilies, onceBytes, onceMs } = this.#limits;
    let ahead = this.#sent.reduce((sum, { bytes }) => sum + bytes, 0);
    for (;;) {
      const [first] = this.#sized;
      if (first === undefined || first.bytes > onceBytes) break;
      if (this.#sent.length >= LEAST_SENT && (this.#sent.length === MOST_SENT || ahead >= aheadBytes)) break;
      if (performance.now() - first.at >= onceMs) {
        // They may have grown since: they are looked at again, but not while others are, as those come after them.
        if (this.#sizing !== undefined) return;
        this.#stale = [...this.#sized, ...this.#stale];
        this.#sized = [];
        break;
      }
      ahead += this.#read();
    }
    if (this.#sizing !== undefined || this.#sized.length >= sizeFamilies) return;
    if (this.#ended && this.#stale.length === 0) {
      if (this.#sized.length === 0 && !this.#isReading) this.#tellAllAsked();
      return;
    }
    const sizing = this.#size().then(() => {
      this.#sizing = undefined;
      this.#goOn();
    });
    // Awaited only when its turn comes, if at all: until then its failure is nobody's. So are those of what is read.
    sizing.catch(() => {});
    this.#sizing = sizing;
  }

  #tellAllAsked(): void {
    const tell = this.#onAllAsked;
    this.#onAllAsked = undefined;
    tell?.();
  }

  /** Looks at those that come next. */
  async #size(): Promise<void> {
    const refs = await this.#take();
    if (refs.length === 0) return;
    const now = performance.now();
    if (refs.every((ref) => this.#isKnown(ref, now))) {
      for (const ref of refs) this.#sized.push(ref);
      return;
    }
    const commands = new CommandList();
    for (const { bucket, name } of refs) {
      commands.addKeyed(HGET, this.#keys.familyPrefix(bucket), name, META_ARGUMENT);
    }
    const { sizes } = await this.#ask(refs, commands, new FamilySizes());
    const at = performance.now();
    for (const [i, ref] of refs.entries()) {
      const bytes = sizes[i];
      if (bytes === undefined) continue;
      if (Number.isNaN(bytes)) throw new StoreError('other', `what Redis holds of ${ref.name} is damaged`);
      ref.bytes = bytes;
      ref.at = at;
      this.#sized.push(ref);
    }
  }

  /** How large it is, and not since long ago. */
  #isKnown({ bytes, at }: FamilyRef, now: number): boolean {
    return bytes !== Number.POSITIVE_INFINITY && now - at < this.#limits.onceMs / 2;
  }

  /**
   * Those of one batch, or fewer if they have been told to be so large that one batch could not read more: to wait for more
   * names would be in vain.
   */
  async #take(): Promise<FamilyRef[]> {
    const { sizeFamilies, callBytes } = this.#limits;
    const now = performance.now();
    const refs = this.#stale.splice(0, this.#together(this.#stale, sizeFamilies));
    let toldBytes = 0;
    while (refs.length < sizeFamilies && toldBytes < callBytes && !this.#ended) {
      const { bucket, names, told } = this.#bucket;
      if (this.#connection.isCluster && refs.length > 0 && refs[0].bucket !== bucket) break;
      if (this.#taken < names.length) {
        const bytes = told?.mostBytes[this.#taken] ?? Number.POSITIVE_INFINITY;
        const name = names[this.#taken++];
        const ref = { bucket, name, bytes, at: told?.at ?? 0 };
        refs.push(ref);
        if (this.#isKnown(ref, now)) toldBytes += bytes;
        continue;
      }
      const next = await this.#names.next();
      this.#taken = 0;
      if (next.done) this.#ended = true;
      else this.#bucket = next.value;
    }
    return refs;
  }

  /** @returns bytes that will come, roughly */
  #read(): number {
    const { callBytes, callFamilies, onceBytes } = this.#limits;
    const most = this.#together(this.#sized, callFamilies);
    let [count, bytes] = [0, 0];
    for (; count < most; count++) {
      const next = this.#sized[count].bytes;
      if (count > 0 && (next > onceBytes || bytes + next > callBytes)) break;
      bytes += next;
    }
    const refs = this.#sized.splice(0, count);
    const holdings = this.#holdings;
    const answers = this.#expect(refs, holdings.isEmpty ? undefined : (i) => this.#neededBy(refs[i]));
    const answered = this.#ask(refs, answers.commands, answers);
    answered.catch(() => {});
    this.#sent.push({ answers, bytes, answered });
    return bytes;
  }

  #neededBy({ name }: FamilyRef): Needed | undefined {
    const needed = this.#holdings.get(name);
    return typeof needed === 'number' ? needed + MORE_SHELVES : needed;
  }

  #expect(refs: readonly FamilyRef[], needed?: (index: number) => Needed | undefined): FamilyAnswers {
    const answers = this.#free.pop() ?? new FamilyAnswers();
    answers.expect(refs, needed);
    answers.commands.add(TIME);
    for (let i = 0; i < refs.length; i++) {
      const { bucket, name } = refs[i];
      const { withFields, shelves } = answers.blocksOf(i);
      const prefix = this.#keys.familyPrefix(bucket);
      if (shelves > 0) {
        answers.commands.addKeyed(HGET, prefix, name, META_ARGUMENT);
        answers.commands.add(shelvesCommand(this.#keys.order(bucket, name), shelves));
      } else {
        answers.commands.addKeyed(withFields ? HGETALL : HVALS, prefix, name);
      }
    }
    return answers;
  }

  async #ask<Sink extends BatchSink>(
    refs: readonly FamilyRef[],
    commands: CommandList,
    sink: Sink,
  ): Promise<Sink> {
    const [{ bucket, name }] = refs;
    await this.#connection.batch(this.#keys.family(bucket, name), commands, sink);
    return sink;
  }

  /** How many of the first ones may be in one batch. */
  #together(refs: readonly FamilyRef[], limit: number): number {
    const most = Math.min(limit, refs.length);
    if (!this.#connection.isCluster) return most;
    const other = refs.findIndex(({ bucket }) => bucket !== refs[0].bucket);
    return other < 0 ? most : Math.min(most, other);
  }
}
