import { StoreError } from './failure.ts';
import { knownHelps, knownWords } from './known-texts.ts';

/** What is known of a family, as the scripts store it: see commands/shared/family.lua. */
export interface FamilyMeta {
  readonly type: string;
  /** Escaped, as pushed. */
  readonly help: string | undefined;
  /** Likewise. */
  readonly unit: string | undefined;
  /** Of all its blocks. */
  readonly bytes: number;
  /** Its blocks stand on shelves: see shelves.ts. */
  readonly isShelved: boolean;
  /** How often its readers had to look again: mostly since compaction has changed blocks. */
  readonly revision: number;
}

/** The field of the family's hash. */
export const META = 'm';

const BYTES_AT = 8;
const REVISION_AT = 36;
const BLOCKS_AT = 40;
const FORM_AT = 46;
/** How a family keeps its blocks: see commands/shared/family.lua. */
export const ORDERED = 1;
const SHELVED = 2;
const FINGERPRINT_AT = 47;
/** With empty texts. */
const LEAST_BYTES = FINGERPRINT_AT + 1 + 4 + 9;

/**
 * @param start where in the text that of the field begins
 * @param end where it ends. Throws StoreError if what stands there does not
 */
export function readMeta(text: Buffer, start = 0, end = text.length): FamilyMeta {
  if (end - start < LEAST_BYTES) throw damaged();
  const fingerprintAt = start + FINGERPRINT_AT;
  // The length of the description comes first; what it has tells where it ends, too.
  const typeAt = fingerprintAt + 1 + text[fingerprintAt] + 4;
  if (typeAt >= end) throw damaged();
  const helpAt = typeAt + 1 + text[typeAt];
  if (helpAt + 8 > end) throw damaged();
  const helpEnd = helpAt + 4 + text.readUInt32LE(helpAt);
  if (helpEnd + 4 > end) throw damaged();
  const unitEnd = helpEnd + 4 + text.readUInt32LE(helpEnd);
  if (unitEnd > end) throw damaged();
  return {
    type: knownWords.find(text, typeAt + 1, helpAt, 'latin1'),
    help: given(text, helpAt + 4, helpEnd),
    unit: given(text, helpEnd + 4, unitEnd),
    bytes: text.readDoubleLE(start + BYTES_AT),
    isShelved: text[start + FORM_AT] === SHELVED,
    revision: text.readUInt32LE(start + REVISION_AT),
  };
}

/** How many blocks it has; -1 if the text is too short. */
export function blocksOf(text: Buffer, start: number, end: number): number {
  return end - start < LEAST_BYTES ? -1 : text.readUInt32LE(start + BLOCKS_AT);
}

/** Of all its blocks; NaN if the text is too short. */
export function bytesOf(text: Buffer, start: number, end: number): number {
  return end - start < LEAST_BYTES ? Number.NaN : text.readDoubleLE(start + BYTES_AT);
}

function damaged(): StoreError {
  return new StoreError('other', 'what Redis holds of a family is damaged');
}

/** '' or '=' and a text. */
function given(text: Buffer, start: number, end: number): string | undefined {
  return start === end ? undefined : knownHelps.find(text, start + 1, end, 'utf8');
}
