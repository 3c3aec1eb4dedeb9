import { randomUUID } from 'node:crypto';
import { sendTimed } from './batches.ts';
import type { RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import type { Group } from './group.ts';
import type { GroupReleases } from './group-releases.ts';
import type { Keys } from './keys.ts';
import { LongWaits, Patience } from './patience.ts';

/** Names of families in one call: that takes Redis about a millisecond. */
const PAGE = 1000;
/** For how many command timeouts a group is held. */
const HELD_TIMEOUTS = 3;

/** How a change of a group has ended. Of one that was given up, the group's record tells nothing. */
export type GroupEnd = 'stored' | 'refused' | 'deleted' | 'given up';

/**
 * The right to change a group, for a while: pushes to one group, and its deletion, come one after the other, through
 * whichever gateways they come. It is held for three command timeouts, and renewed by its holder before a command could
 * still arrive when it has passed: one timeout until it is renewed, one for the last command, and one by which the clock
 * of a server that takes over may be ahead. Throws StoreError.
 */
export class GroupLease {
  readonly token = randomUUID();
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #group: Group;
  readonly #timeoutMs: number;
  readonly #longWaits: LongWaits;
  #begunAt = 0;
  /** It was asked for, and neither refused nor ended: who gives up must let go. */
  #mayBeHeld = false;

  /** @param timeoutMs of a command: also the longest time to wait for others */
  constructor(
    connection: RedisConnection,
    keys: Keys,
    group: Group,
    timeoutMs: number,
    longWaits = new LongWaits(),
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#timeoutMs = timeoutMs;
    this.#longWaits = longWaits;
  }

  /**
   * Lets go of the group, if it may be held, without an end: at once if Redis can be reached, and else as soon as it can
   * be. Resolves after the first attempt. Does not throw.
   * @param first what else is to be let go of, before; throws StoreError
   */
  async giveUp(releases: GroupReleases, first = async (): Promise<void> => {}): Promise<void> {
    if (!this.#mayBeHeld) return;
    const letGo = async (): Promise<void> => {
      await first();
      await this.end('given up');
    };
    await releases.letGo(letGo, this.#lastsMs);
  }

  /** Of all that the group has beside its families: lock, records, names of families, deadlines. */
  get keys(): string[] {
    const { bucket, id } = this.#group;
    return [
      this.#keys.groupLock(bucket, id),
      this.#keys.groups(bucket),
      this.#keys.groupFamilies(bucket, id),
      this.#keys.groupDeadlines(bucket),
    ];
  }

  get #lastsMs(): number {
    return this.#timeoutMs * HELD_TIMEOUTS;
  }

  /**
   * Waits until nobody else changes the group, and notes the families that will be pushed.
   * @returns whether the group lives, and the families that it had
   */
  async begin(families: readonly string[], ttlMs: number): Promise<{ lives: boolean; had: string[] }> {
    using patience = new Patience(this.#timeoutMs, this.#longWaits);
    for (;;) {
      const reply = await this.#run('begin', families.slice(0, PAGE), ttlMs);
      if (String(reply[0]) !== 'busy') {
        const had = reply.slice(1).map(String);
        const known = new Set(had);
        await this.#note(
          'named',
          families.slice(PAGE).filter((name) => !known.has(name)),
          ttlMs,
        );
        return { lives: String(reply[0]) === '1', had };
      }
      await patience.wait('another push to this group is under way');
    }
  }

  /** To be called before each step: what is sent then cannot arrive when somebody else has begun. */
  async renew(ttlMs: number): Promise<void> {
    if (performance.now() - this.#begunAt < this.#timeoutMs) return;
    const reply = await this.#run('renew', [], ttlMs);
    if (String(reply[0]) === 'busy') throw lost();
  }

  /** Notes how it has ended, and lets others go on. Returns false if the group was not there, for a deletion. */
  async end(
    outcome: GroupEnd,
    options: { ttlMs?: number; dropped?: readonly string[]; families?: readonly string[] } = {},
  ): Promise<boolean> {
    const { id, exposed, addsInstance } = this.#group;
    const { ttlMs = 0, dropped = [], families = [] } = options;
    if (outcome !== 'given up') {
      await this.#note('dropped', dropped.slice(PAGE), ttlMs);
      await this.#note(outcome === 'stored' ? 'pushed' : 'refused', families.slice(PAGE), ttlMs);
    }
    const reply = await this.#connection.run({
      script: 'endPush',
      keys: this.keys,
      args: [
        ...[this.token, id, outcome, ttlMs, addsInstance ? 1 : 0, exposed],
        ...[Math.min(dropped.length, PAGE), ...dropped.slice(0, PAGE), ...families.slice(0, PAGE)],
      ],
    });
    this.#mayBeHeld = false;
    if (reply === -1) throw lost();
    return outcome !== 'deleted' || reply === 1;
  }

  async #note(
    what: 'named' | 'pushed' | 'dropped' | 'refused',
    families: readonly string[],
    ttlMs: number,
  ): Promise<void> {
    const { bucket, id } = this.#group;
    for (let from = 0; from < families.length; from += PAGE) {
      const reply = await this.#connection.run({
        script: 'noteFamilies',
        keys: [this.#keys.groupLock(bucket, id), this.#keys.groupFamilies(bucket, id)],
        args: [this.token, what, ttlMs, ...families.slice(from, from + PAGE)],
      });
      if (reply === -1) throw lost();
    }
  }

  async #run(step: 'begin' | 'renew', families: readonly string[], ttlMs: number): Promise<Reply[]> {
    const { bucket, id } = this.#group;
    const begunAt = performance.now();
    const call: Call = {
      script: 'beginPush',
      keys: [
        this.#keys.groupLock(bucket, id),
        this.#keys.groups(bucket),
        this.#keys.groupFamilies(bucket, id),
      ],
      args: [this.token, this.#lastsMs, id, ttlMs, step === 'renew' ? 1 : 0, ...families],
    };
    const [reply] = await sendTimed(this.#connection, [call]);
    if (reply instanceof StoreError) {
      this.#mayBeHeld ||= !reply.unsent;
      throw reply;
    }
    this.#begunAt = begunAt;
    const [, ...told] = reply;
    this.#mayBeHeld = String(told[0]) !== 'busy';
    return told;
  }
}

function lost(): StoreError {
  return new StoreError('busy', 'the push took so long that another one to this group has begun meanwhile', {
    passing: true,
  });
}
