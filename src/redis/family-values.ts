/**
 * What a value in the hash of a family is, as its beginning tells. Whoever reads families whole does not ask for their
 * fields: of each Redis would have to wait for memory, and that of a small block takes a fifth of what the block does.
 *
 * - A block begins with its sequence, a float64 of one or more (see block.ts).
 * - What is known of the family, and what a group holds in it, begin with a float64 below zero, or with minus zero: a
 *   deadline, negated (see commands/shared/family.lua). `head`: which of the two it is only the field tells.
 * - Other fields hold texts that begin with digits. Read as a float64 that is more than zero and less than one.
 */
export type ValueKind = 'block' | 'head' | 'other';

/** The last byte of a float64 that is one or more; what is less, and not negative, has a lower one. */
const ONE_OR_MORE = 0x3f;
const SIGN = 0x80;
const NUMBER_BYTES = 8;

export function valueKind(value: Buffer, start: number, end: number): ValueKind {
  if (end - start < NUMBER_BYTES) return 'other';
  const last = value[start + NUMBER_BYTES - 1];
  if (last >= SIGN) return 'head';
  return last >= ONE_OR_MORE ? 'block' : 'other';
}
