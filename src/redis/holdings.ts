import type { ListedBlock } from './block-list.ts';
import type { RedisConnection } from './client.ts';

/*
 * What groups hold in a family: the block of a group has the field `g`, the id of the group and a digest; the field `p`
 * and the id says until when the blocks of the group live, whatever stands in them. Or there is a lone block under `g` and
 * the id, which says so itself (see commands/shared/group-blocks.lua).
 */
export const HOLDING = 'p';
export const GROUP_OWNER = 'g';
/** Where the id of a group ends in a field. */
export const ID_END = 9;

/** Whether a field of a family has a block; the others tell of the family, or what groups hold. */
export function isBlock(field: string): boolean {
  return field.length > 1 && !field.startsWith(HOLDING);
}

/** Whether the block with this field is the lone one of a group: its entries may change from one push to the next. */
export function isLone(field: string): boolean {
  return field.length === ID_END;
}

/**
 * Until when a block lives.
 * @param group until when the group lives that it belongs to; undefined if it belongs to none
 */
export function livesUntil(block: { readonly deadlineMs: number }, group: number | undefined): number {
  // One that was taken away, and only hides older values, does so even if its group lives on.
  return block.deadlineMs === 0 ? 0 : (group ?? block.deadlineMs);
}

/**
 * The id of the group whose holding says until when a block with this field lives, as Latin-1 text; '' if the block says so
 * itself: one of /ingest, or a lone one.
 */
export function groupOfBlock(field: string): string {
  return field.startsWith(GROUP_OWNER) && !isLone(field) ? field.slice(1, ID_END) : '';
}

/** The groups of the blocks, each once. */
export function groupsOf(blocks: readonly ListedBlock[]): string[] {
  const groups = new Set(blocks.map(({ field }) => groupOfBlock(field)));
  groups.delete('');
  return [...groups];
}

/** The deadline that what a group holds begins with. */
export function heldUntilMs(value: Buffer, start: number): number {
  return -value.readDoubleLE(start);
}

/** @param values of the fields that HOLDING and the groups make */
export function deadlinesOf(
  groups: readonly string[],
  values: ReadonlyArray<Buffer | null>,
): Map<string, number> {
  const deadlines = new Map<string, number>();
  for (const [i, value] of values.entries()) {
    if (value !== null && value.length >= 8) deadlines.set(groups[i], heldUntilMs(value, 0));
  }
  return deadlines;
}

/** Until when the blocks of these groups live in a family, ms, by group. Throws StoreError. */
export async function readDeadlines(
  connection: RedisConnection,
  hash: string,
  groups: readonly string[],
): Promise<Map<string, number>> {
  if (groups.length === 0) return new Map();
  const fields = groups.map((group) => Buffer.from(HOLDING + group, 'latin1'));
  const values = await connection.command('HMGET', hash, ...fields);
  return deadlinesOf(groups, values as Array<Buffer | null>);
}
