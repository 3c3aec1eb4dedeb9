import type { FamilyKind } from './block.ts';
import type { BlockWrite } from './block-store.ts';
import type { GroupReleases } from './group-releases.ts';
import type { LongWaits } from './patience.ts';

/** A family of a push to a group. It has at least one block. */
export interface GroupFamilyWrite {
  readonly name: string;
  readonly kind: FamilyKind;
  readonly type: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly blocks: readonly BlockWrite[];
}

export interface GroupPushOptions {
  readonly mode: 'put' | 'post' | 'merge';
  readonly ttlMs: number;
  /** Of the secret that the identities are hashed with. */
  readonly fingerprint: string;
  /** Of a command of the connection. */
  readonly timeoutMs: number;
  /** Of the thread. */
  readonly longWaits?: LongWaits;
  /** Of the connection. */
  readonly releases?: GroupReleases;
  /** Whether Redis holds the secret of the fingerprint. Asked when a family is under another one. */
  holdsSecret(): Promise<boolean>;
  /** The ids of the groups of these shapes that could hold a series of the family, each once, as one run of bytes. */
  candidates(family: GroupFamilyWrite, shapes: readonly string[]): Buffer;
}
