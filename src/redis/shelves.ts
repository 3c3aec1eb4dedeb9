import type { RedisConnection } from './client.ts';

/*
 * Where the blocks of a family of many small ones stand: see commands/shared/shelves.lua. A shelf is a string of slots: how
 * many bytes there is room for, and how long the block is (uint16 each; 0: it is gone), the block, and what is left of the
 * room.
 */

/** Of a place, which a field of a block has instead of it. A block is longer. */
export const PLACE_BYTES = 8;

const SLOT_BYTES = 4;
/** Between the key of the order and the number of a shelf: no name in UTF-8 has it. */
const NUMBER_MARK = 0xff;
/**
 * Bytes of blocks that a shelf has if it is badly used: slots may have twice the room that their blocks need, and an eighth of
 * them may be gone.
 */
const LEAST_USED_BYTES = 12_000;
/** The first and the last may have next to nothing. */
const SPARE_SHELVES = 3;

/** No family with so many bytes of blocks has more shelves. Even if it had: a reader sees that there are more. */
export function mostShelves(bytes: number): number {
  return Math.ceil(bytes / LEAST_USED_BYTES) + SPARE_SHELVES;
}

/** MGET of the first shelves of a family, by the key of its order, as it is sent. */
export function shelvesCommand(order: string, count: number): Buffer {
  const key = Buffer.from(order).toString('latin1') + String.fromCharCode(NUMBER_MARK);
  let text = `*${count + 1}\r\n$4\r\nMGET\r\n`;
  for (let number = 0; number < count; number++) {
    const digits = String(number);
    text += `$${key.length + digits.length}\r\n${key}${digits}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}

/**
 * Reads fields of a family, of those of blocks the blocks, wherever they stand; none: all, and their values in turn. Takes
 * Redis much longer than to read them as they are. Throws StoreError.
 */
export async function readFields(
  connection: RedisConnection,
  hash: string,
  order: string,
  fields: readonly Buffer[] = [],
): Promise<Array<Buffer | null>> {
  return (await connection.run({
    script: 'readFields',
    keys: [hash, order],
    args: fields,
  })) as Array<Buffer | null>;
}

/** Whether this is not a block, but where it stands. */
export function isPlace(value: Buffer | null): boolean {
  return value?.length === PLACE_BYTES;
}

/** Calls back with where each block stands. */
export function eachBlock(
  shelf: Buffer,
  from: number,
  to: number,
  visit: (start: number, end: number) => void,
): void {
  let at = from;
  while (at + SLOT_BYTES <= to) {
    const room = (shelf[at] as number) | ((shelf[at + 1] as number) << 8);
    const length = (shelf[at + 2] as number) | ((shelf[at + 3] as number) << 8);
    const start = at + SLOT_BYTES;
    at = start + room;
    if (room === 0 || length > room || at > to) return;
    if (length > 0) visit(start, start + length);
  }
}
