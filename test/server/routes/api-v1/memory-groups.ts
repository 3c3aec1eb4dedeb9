import { NEVER_MS } from '../../../../src/redis/block.ts';
import { StoreError } from '../../../../src/redis/failure.ts';
import type { GroupInfo } from '../../../../src/redis/group.ts';
import type { GroupFamily } from '../../../../src/redis/group-store.ts';
import type { Labels } from '../../../../src/redis/label-text.ts';
import type { Store } from '../../../../src/redis/store.ts';

export type MemoryGroup = Pick<GroupInfo, 'labels'> &
  Partial<GroupInfo> & { readonly families?: readonly GroupFamily[] };

/** Groups in memory, for what is said of them: what they do in Redis is tested elsewhere. */
export class MemoryGroups {
  readonly ready = true;
  wiped = 0;
  /** The labels whose deletion fails. */
  failAt: string | undefined;
  readonly #groups = new Map<string, MemoryGroup>();

  constructor(groups: readonly MemoryGroup[]) {
    for (const group of groups) this.#groups.set(JSON.stringify(group.labels), group);
  }

  get store(): Store {
    return this as unknown as Store;
  }

  get keys(): string[] {
    return [...this.#groups.keys()];
  }

  async *groups(): AsyncGenerator<GroupInfo, void> {
    for (const group of [...this.#groups.values()]) {
      yield {
        exposed: '',
        addsInstance: true,
        pushTimeS: 1,
        failureTimeS: 0,
        deadlineMs: NEVER_MS,
        ...group,
      };
    }
  }

  async deleteGroup(labels: Labels): Promise<boolean> {
    const key = JSON.stringify(labels);
    if (key === this.failAt) throw new StoreError('timeout', 'Redis did not answer in time');
    return this.#groups.delete(key);
  }

  async *groupFamilies(labels: Labels): AsyncGenerator<GroupFamily, void> {
    yield* this.#groups.get(JSON.stringify(labels))?.families ?? [];
  }

  async wipe(): Promise<void> {
    this.wiped += 1;
  }
}
