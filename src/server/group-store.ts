import type { Piece } from '../redis/block-merge.ts';
import type { GroupingKey } from '../workers/messages.ts';

/** What is known of a group beside its families. */
export interface GroupInfo {
  readonly labels: GroupingKey;
  /** Unix time in seconds; 0: never. */
  readonly pushTimeS: number;
  readonly failureTimeS: number;
  /** NEVER_MS: it does not expire. */
  readonly deadlineMs: number;
}

/** A family of one group, with the lines that the group holds of it. */
export interface GroupFamily {
  readonly name: string;
  readonly type: string;
  readonly help?: string;
  readonly unit?: string;
  /** When it was pushed last, Unix time in seconds. */
  readonly timeS: number;
  readonly pieces: readonly Piece[];
}

/** What the store can do with groups. Everything throws StoreError. */
export interface GroupStore {
  /** All groups that live. */
  groups(): AsyncGenerator<GroupInfo>;
  /** False if there is no such group. */
  deleteGroup(labels: GroupingKey): Promise<boolean>;
  groupFamilies(labels: GroupingKey): AsyncGenerator<GroupFamily>;
  /** Everything goes, series without a group too. */
  wipe(): Promise<void>;
}
