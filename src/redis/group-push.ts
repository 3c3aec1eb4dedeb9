import { SECOND } from '../units.ts';
import { type Batch, intoBatches, intoRounds, isLoss, sendTimed } from './batches.ts';
import type { RedisConnection } from './client.ts';
import type { Call, Reply } from './commands.ts';
import { compactFamily } from './compaction.ts';
import { comesApart, notWritten } from './drafts.ts';
import { StoreError, toStoreError } from './failure.ts';
import type { Group } from './group.ts';
import { GroupCalls, type Step } from './group-call.ts';
import { GroupLease } from './group-lease.ts';
import { GroupReleases } from './group-releases.ts';
import { dropCalls, prolongCalls } from './group-upkeep.ts';
import type { GroupFamilyWrite, GroupPushOptions } from './group-write.ts';
import { bucketOf, type Keys } from './keys.ts';
import { clashesOf } from './name-claims.ts';
import { LongWaits, Patience } from './patience.ts';
import { Stamps } from './stamps.ts';

/** A family that stands in the way is cleaned up before it is believed to live, but not more often than this. */
const RECHECK_MS = 10 * SECOND;

/** Why a family of a push was refused. */
export type Refusal =
  /** `by` lives as `type`: it is the family itself, or one whose samples have its name, or the other way round. */
  | {
      readonly reason: 'taken';
      readonly family: GroupFamilyWrite;
      readonly by: string;
      readonly type: string;
    }
  /** Another group holds one of its series. */
  | { readonly reason: 'shared'; readonly family: GroupFamilyWrite }
  /** Groups with too many different sets of label names in their keys hold the family. */
  | { readonly reason: 'limit'; readonly family: GroupFamilyWrite };

export type GroupPushOutcome =
  | { readonly status: 'stored'; readonly compact: readonly string[]; readonly blocks: number }
  /** `partly`: others came in between, after everything was found good, and some of the push is stored. */
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[]; readonly partly: boolean }
  /** `partly`: nothing is stored unless it is true; then some of it may be. */
  | { readonly status: 'failed'; readonly error: StoreError; readonly partly: boolean };

/**
 * Stores a push to a group: all of it, or nothing if any of its families is refused. Each family is replaced at once for
 * those who read it (one of more than 256 KiB in steps). Redis failing midway may leave some families new and some old.
 * Does not throw.
 */
export async function pushGroup(
  connection: RedisConnection,
  keys: Keys,
  group: Group,
  families: readonly GroupFamilyWrite[],
  options: GroupPushOptions,
): Promise<GroupPushOutcome> {
  const push = new GroupPush(connection, keys, group, families, options);
  const outcome = await push.run();
  if (outcome.status === 'failed') await push.abandon();
  return outcome;
}

/** The answer to one family of a call, if it is not that all is good. */
type Verdict = Exclude<Reply, number | null>;

/**
 * One push to a group, as pushGroup makes it. If it fails it still holds the group, as far as Redis knows of it: it may be
 * run again, which begins anew, or must be abandoned.
 */
export class GroupPush {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #group: Group;
  readonly #families: readonly GroupFamilyWrite[];
  readonly #options: GroupPushOptions;
  readonly #lease: GroupLease;
  readonly #longWaits: LongWaits;
  readonly #releases: GroupReleases;
  readonly #calls: GroupCalls;
  readonly #rechecked = new Set<string>();
  readonly #compact = new Set<string>();
  /** What Redis could not decide on without the values. */
  readonly #whole = new Set<Batch<GroupFamilyWrite>>();
  #writing = false;
  #failed = false;

  constructor(
    connection: RedisConnection,
    keys: Keys,
    group: Group,
    families: readonly GroupFamilyWrite[],
    options: GroupPushOptions,
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#families = families;
    this.#options = options;
    this.#longWaits = options.longWaits ?? new LongWaits();
    this.#releases = options.releases ?? new GroupReleases();
    this.#lease = new GroupLease(connection, keys, group, options.timeoutMs, this.#longWaits);
    const stamps = new Stamps(connection, options.ttlMs);
    this.#calls = new GroupCalls(keys, group, this.#lease, stamps, !connection.isCluster, options);
  }

  /** Does not throw. */
  async run(): Promise<GroupPushOutcome> {
    const names = this.#families.map(({ name }) => name);
    const { ttlMs, mode } = this.#options;
    try {
      const batches = intoBatches(this.#families, this.#keys, this.#connection.isCluster);
      if (batches.length === 1 && !this.#connection.isCluster && (await this.#writeAll(batches[0]))) {
        return this.#stored();
      }
      const { lives, had } = await this.#lease.begin(names, ttlMs);
      const others = without(had, names);
      // What a group has that does not live was left by a push that never ended.
      const drops = mode === 'put' || !lives;
      // One call checks for itself before it writes; what takes several must be found good before the first.
      const takesSeveral = batches.length > 1 || others.length > 0;
      const refusals = takesSeveral ? await this.#check() : [];
      if (refusals.length === 0) {
        const upkeep = drops ? dropCalls : prolongCalls;
        await this.#send(upkeep(this.#keys, this.#group, others, ttlMs));
        refusals.push(...(await this.#write(batches)));
      }
      if (refusals.length > 0) {
        const partly = this.#writing && (takesSeveral || this.#failed);
        if (takesSeveral) await this.#release();
        // Those that it had before, or may have now, stay noted.
        await this.#lease.end('refused', { ttlMs, families: partly ? [] : without(names, had) });
        return { status: 'refused', refusals, partly };
      }
      const dropped = drops ? others : [];
      await this.#lease.end('stored', { ttlMs, dropped, families: names });
      return this.#stored();
    } catch (thrown) {
      const error = toStoreError(thrown);
      this.#failed = true;
      return { status: 'failed', error, partly: this.#writing };
    }
  }

  /** Lets go of the group and the families (see GroupLease.giveUp). Does not throw. */
  async abandon(): Promise<void> {
    await this.#lease.giveUp(this.#releases, () => this.#release());
  }

  #stored(): GroupPushOutcome {
    const blocks = this.#families.reduce((sum, family) => sum + family.blocks.length, 0);
    return { status: 'stored', compact: [...this.#compact], blocks };
  }

  /**
   * Carries out the whole push in one call, as nearly all small ones can be: they name what the group has, and nobody is
   * in the way. If not, it has done nothing and returns false.
   */
  async #writeAll(batch: Batch<GroupFamilyWrite>): Promise<boolean> {
    const [reply] = await sendTimed(this.#connection, [this.#call(batch, 'all')]);
    if (reply instanceof StoreError) {
      // What Redis itself refuses it refuses as a whole.
      this.#writing ||= !reply.unsent && (isLoss(reply) || reply.reason === 'noreplicas');
      throw reply;
    }
    if (this.#mustBeWhole(batch, reply)) return this.#writeAll(batch);
    if (!isDone(reply)) return false;
    for (let i = 0; i < batch.parts.length; i++) {
      if (reply[i + 2] === 1) this.#compact.add(batch.parts[i].family.name);
    }
    return true;
  }

  /** Looks at all families, and reserves those that are to be made, before any is written. */
  async #check(): Promise<Refusal[]> {
    const named = this.#families.map((family) => ({ name: family.name, blocks: [], family }));
    const batches = intoBatches(named, this.#keys, this.#connection.isCluster).map(({ parts, ...batch }) => ({
      ...batch,
      parts: parts.map(({ family: { family }, bucket }) => ({ family, bucket, from: 0, to: 0 })),
    }));
    return this.#untilSettled(batches, 'check');
  }

  async #write(batches: ReadonlyArray<Batch<GroupFamilyWrite>>): Promise<Refusal[]> {
    for (const round of intoRounds(batches)) {
      const refusals = await this.#untilSettled(round, 'write');
      if (refusals.length > 0) return refusals;
    }
    return [];
  }

  /** Runs a step until each family is stored or refused for good. */
  async #untilSettled(
    batches: ReadonlyArray<Batch<GroupFamilyWrite>>,
    step: 'check' | 'write',
  ): Promise<Refusal[]> {
    using patience = new Patience(this.#options.timeoutMs, this.#longWaits);
    let left = batches;
    while (left.length > 0) {
      await this.#lease.renew(this.#options.ttlMs);
      const replies = await sendTimed(
        this.#connection,
        left.map((batch) => this.#call(batch, step)),
      );
      const failed = replies.find((reply) => reply instanceof StoreError);
      if (step === 'write' && replies.some((reply) => reply instanceof StoreError || isDone(reply))) {
        this.#writing = true;
      }
      if (failed instanceof StoreError) throw failed;
      const refusals: Refusal[] = [];
      const again: Array<Batch<GroupFamilyWrite>> = [];
      let mustWait = false;
      for (const [i, batch] of left.entries()) {
        const reply = replies[i] as Reply[];
        const [, status, ...results] = reply;
        const mustBeWhole = this.#mustBeWhole(batch, reply);
        if (mustBeWhole || String(status) === 'refused') again.push(batch);
        if (mustBeWhole) continue;
        for (const [n, { family }] of batch.parts.entries()) {
          const result = results[n];
          if (result === 1) this.#compact.add(family.name);
          if (typeof result === 'number' || result === null) continue;
          const verdict = await this.#consider(family, result);
          if (verdict === 'wait') mustWait = true;
          else if (verdict !== 'again') refusals.push(verdict);
        }
      }
      if (refusals.length > 0) return refusals;
      if (mustWait) await patience.wait('another push is just making a metric family of this one');
      left = again;
    }
    return [];
  }

  #call(batch: Batch<GroupFamilyWrite>, step: Step): Call {
    const isApart = step !== 'check' && !this.#whole.has(batch) && comesApart(batch, this.#connection);
    return this.#calls.call(batch, step, isApart);
  }

  /** Whether a call has to be sent once more, with the values as arguments. Throws StoreError. */
  #mustBeWhole(batch: Batch<GroupFamilyWrite>, reply: Reply[]): boolean {
    if (String(reply[1]) === 'whole') {
      this.#whole.add(batch);
      return true;
    }
    const families = batch.parts.length;
    const kept = reply[families + 2];
    if (isDone(reply) && kept !== undefined && kept !== families) {
      this.#writing = true;
      throw notWritten();
    }
    return false;
  }

  /** What a verdict on a family means: to be tried again, at once or in a moment, or refused. */
  async #consider(family: GroupFamilyWrite, verdict: Verdict): Promise<Refusal | 'again' | 'wait'> {
    if (!Array.isArray(verdict)) {
      // A family under another secret. If ours is the one that Redis holds, the family is a leftover of a lost one.
      if (this.#calls.replaceObsolete || !(await this.#options.holdsSecret())) {
        throw new StoreError(
          'identity',
          'Redis holds data of another secret; the secret is being looked up again',
        );
      }
      this.#calls.replaceObsolete = true;
      return 'again';
    }
    const [kind, first, , which] = verdict;
    switch (String(kind)) {
      case 'reserved':
        return 'wait';
      case 'shapes':
        this.#calls.name(family, String(first).split('\n').slice(0, -1));
        return 'again';
      case 'taken': {
        const by =
          which === 0
            ? family.name
            : (clashesOf(family.name, family.kind)[(which as number) - 1]?.family ?? family.name);
        if (this.#rechecked.has(by)) return { reason: 'taken', family, by, type: String(first) };
        // It may have ended without anybody noticing: its deadline is that of its longest-lived block, dead or not.
        this.#rechecked.add(by);
        await compactFamily(this.#connection, this.#keys, by, { unlessWithinMs: RECHECK_MS }).catch(() => {});
        return 'again';
      }
      case 'shared':
        return { reason: 'shared', family };
      default:
        return { reason: 'limit', family };
    }
  }

  async #send(calls: readonly Call[]): Promise<void> {
    if (calls.length === 0) return;
    await this.#lease.renew(this.#options.ttlMs);
    this.#writing = true;
    for (const reply of await sendTimed(this.#connection, calls)) {
      if (reply instanceof StoreError) throw reply;
    }
  }

  /** Lets go of the families that were reserved. */
  async #release(): Promise<void> {
    const byBucket = new Map<number, string[]>();
    for (const { name } of this.#families) {
      const bucket = bucketOf(name);
      byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), this.#keys.family(bucket, name)]);
    }
    const calls = [...byBucket.values()].map(
      (hashes): Call => ({ script: 'releaseFamilies', keys: hashes, args: [this.#lease.token] }),
    );
    for (const reply of await this.#connection.runAll(calls)) if (reply instanceof StoreError) throw reply;
  }
}

function isDone(reply: Reply[]): boolean {
  return String(reply[1]) === 'done';
}

function without(names: readonly string[], left: readonly string[]): string[] {
  const leave = new Set(left);
  return names.filter((name) => !leave.has(name));
}
