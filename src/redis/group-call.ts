import type { Batch } from './batches.ts';
import { entryHashesOf, stamp } from './block.ts';
import { type BlockWrite, DIGEST_BYTES } from './block-store.ts';
import { HeaderWriter } from './call-header.ts';
import { CallKeys } from './call-keys.ts';
import type { Call } from './commands.ts';
import { Drafts } from './drafts.ts';
import type { Group } from './group.ts';
import type { GroupLease } from './group-lease.ts';
import type { GroupFamilyWrite, GroupPushOptions } from './group-write.ts';
import { GROUP_OWNER } from './holdings.ts';
import type { Keys } from './keys.ts';
import { CLASH_CODES, clashesOf } from './name-claims.ts';
import type { Stamps } from './stamps.ts';

const NOTHING = Buffer.alloc(0);
/** What the field of a block of a group begins with. */
const BLOCK_OF_GROUP = Buffer.from(GROUP_OWNER);

/** What commands/push-families.lua is to do: look, write, or all that a push takes in one go. */
export type Step = 'check' | 'write' | 'all';

/** Makes the calls of one push to a group, with what the push has learnt so far. */
export class GroupCalls {
  /** What a family holds under another secret is removed: only if Redis was just seen to hold this one. */
  replaceObsolete = false;
  readonly #keys: Keys;
  readonly #group: Group;
  readonly #lease: GroupLease;
  readonly #stamps: Stamps;
  /** Families may be put on shelves: not on a Cluster. */
  readonly #mayShelve: boolean;
  readonly #options: GroupPushOptions;
  /** Shapes of other groups' keys, by family. */
  readonly #shapes = new Map<string, Set<string>>();
  readonly #candidates = new Map<string, Buffer>();

  constructor(
    keys: Keys,
    group: Group,
    lease: GroupLease,
    stamps: Stamps,
    mayShelve: boolean,
    options: GroupPushOptions,
  ) {
    this.#keys = keys;
    this.#group = group;
    this.#lease = lease;
    this.#stamps = stamps;
    this.#mayShelve = mayShelve;
    this.#options = options;
  }

  /** From now on the groups of these shapes, too, are named that could hold a series of the family. */
  name(family: GroupFamilyWrite, shapes: readonly string[]): void {
    const all = new Set([...(this.#shapes.get(family.name) ?? []), ...shapes]);
    this.#shapes.set(family.name, all);
    this.#candidates.set(family.name, this.#options.candidates(family, [...all]));
  }

  #shapesOf(family: string): string {
    const shapes = this.#shapes.get(family);
    return shapes === undefined ? '' : [...shapes].map((shape) => `${shape}\n`).join('');
  }

  /** @param isApart its values come apart from the script (see drafts.ts) */
  call(batch: Batch<GroupFamilyWrite>, step: Step, isApart: boolean): Call {
    const { ttlMs, fingerprint, mode, timeoutMs } = this.#options;
    const { id, shape, addsInstance, exposed } = this.#group;
    const keys = this.#keys;
    const callKeys = new CallKeys();
    if (step === 'all') for (const key of this.#lease.keys) callKeys.add(key);
    // One server has them all.
    const deadlineMs = this.#stamps.deadlineMs(keys.clock(batch.buckets[0].bucket));
    const args: Array<string | number | Buffer> = [
      ...[step, ttlMs, fingerprint, this.replaceObsolete ? 1 : 0, id, this.#lease.token, timeoutMs * 2, mode],
      ...[shape, batch.buckets.length, addsInstance ? 1 : 0, exposed, isApart ? 1 : 0, deadlineMs],
      this.#mayShelve ? 1 : 0,
    ];
    const drafts = isApart ? new Drafts(keys) : undefined;
    const headers = new HeaderWriter();
    for (const inBucket of batch.buckets) {
      const { bucket } = inBucket;
      const clock = keys.clock(bucket);
      const hashPrefix = keys.familyPrefix(bucket);
      const orderPrefix = keys.orderPrefix(bucket);
      let sequence = this.#stamps.propose(clock, inBucket.blocks);
      callKeys.add(keys.index(bucket));
      callKeys.add(clock);
      headers.float64(sequence);
      headers.uint32(inBucket.to - inBucket.from);
      args.push(headers.take());
      for (let n = inBucket.from; n < inBucket.to; n++) {
        const { family, from, to } = batch.parts[n];
        const { name, kind, type, help, unit, blocks } = family;
        const clashes = clashesOf(name, kind);
        callKeys.add(hashPrefix, name);
        callKeys.add(orderPrefix, name);
        const draft = drafts?.begin(bucket, name);
        if (draft !== undefined) callKeys.add(draft.draft);
        headers.word(kind);
        headers.description(type, help, unit);
        headers.text(this.#shapesOf(name));
        const candidates = this.#candidates.get(name) ?? NOTHING;
        headers.sized(candidates);
        headers.sized(
          candidates.length === 0 ? NOTHING : hashesOf(step === 'check' ? blocks : blocks.slice(from, to)),
        );
        const isLast = step !== 'check' && to === blocks.length;
        headers.uint32(isLast ? blocks.length * DIGEST_BYTES : 0);
        if (isLast) for (const { digest } of blocks) headers.bytes(digest);
        headers.uint32(to - from);
        headers.byte(clashes.length);
        for (const clash of clashes) {
          callKeys.add(hashPrefix, clash.family);
          headers.byte(CLASH_CODES[clash.kinds]);
        }
        for (let i = from; i < to; i++) headers.bytes(blocks[i].digest);
        if (draft !== undefined) for (let i = from; i < to; i++) headers.uint32(blocks[i].value.length);
        args.push(headers.take());
        for (let i = from; i < to; i++) {
          const { value, digest } = blocks[i];
          stamp(value, sequence++, deadlineMs);
          if (draft === undefined) args.push(value);
          else draft.fields.push(Buffer.concat([BLOCK_OF_GROUP, id, digest]), value);
        }
      }
    }
    const call: Call = { script: 'pushFamilies', keys: callKeys, args };
    if (drafts === undefined) return call;
    return { ...call, apart: { drafts: drafts.written, whole: () => this.call(batch, step, false) } };
  }
}

function hashesOf(blocks: readonly BlockWrite[]): Buffer {
  return Buffer.concat(blocks.map(({ value }) => entryHashesOf(value)));
}
