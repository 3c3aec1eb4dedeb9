import type { Batch, Batchable } from './batches.ts';
import type { RedisConnection } from './client.ts';
import type { Draft } from './commands.ts';
import { StoreError } from './failure.ts';
import type { Keys } from './keys.ts';

/** Whether the values of a call should come apart from its script: see commands/shared/drafts.lua. */
export function comesApart(batch: Batch<Batchable>, { largeValueBytes }: RedisConnection): boolean {
  if (batch.bytes < batch.blocks * largeValueBytes) return false;
  // The parts of one family that have to be sent again may meet in one call: that would take several drafts at once.
  const names = batch.parts.map(({ family }) => family.name);
  return new Set(names).size === names.length;
}

/** Those of one call. */
export class Drafts {
  readonly #keys: Keys;
  readonly #list: Array<Draft & { readonly fields: Buffer[] }> = [];

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** What is to be written to a family goes to the end of the fields. */
  begin(bucket: number, family: string): Draft & { readonly fields: Buffer[] } {
    const hash = this.#keys.family(bucket, family);
    const draft = { draft: this.#keys.draft(bucket, this.#list.length), hash, fields: [] };
    this.#list.push(draft);
    return draft;
  }

  /** Those that something is written to. */
  get written(): Draft[] {
    return this.#list.filter(({ fields }) => fields.length > 0);
  }
}

/** A script has stored families, and their blocks did not follow: their keys must have ended or been removed in between. */
export function notWritten(): StoreError {
  return new StoreError('other', 'Redis has not kept what it was sent');
}
