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
  /** How often its readers had to look again: mostly since compaction has changed blocks. */
  readonly revision: number;
}

/** The field of the family's hash. */
export const META = 'm';

const BYTES_AT = 8;
const REVISION_AT = 36;
const BLOCKS_AT = 40;
const TYPE_AT = 47;
/** With empty texts. */
const LEAST_BYTES = TYPE_AT + 10;

/**
 * @param start where in the text that of the field begins
 * @param end where it ends. Throws StoreError if what stands there does not
 */
export function readMeta(text: Buffer, start = 0, end = text.length): FamilyMeta {
  if (end - start < LEAST_BYTES) throw damaged();
  const typeAt = start + TYPE_AT;
  const fingerprintAt = typeAt + 1 + text[typeAt];
  const helpAt = fingerprintAt + 1 + text[fingerprintAt];
  if (helpAt + 8 > end) throw damaged();
  const helpEnd = helpAt + 4 + text.readUInt32LE(helpAt);
  if (helpEnd + 4 > end) throw damaged();
  const unitEnd = helpEnd + 4 + text.readUInt32LE(helpEnd);
  if (unitEnd > end) throw damaged();
  return {
    type: knownWords.find(text, typeAt + 1, fingerprintAt, 'latin1'),
    help: given(text, helpAt + 4, helpEnd),
    unit: given(text, helpEnd + 4, unitEnd),
    bytes: text.readDoubleLE(start + BYTES_AT),
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
