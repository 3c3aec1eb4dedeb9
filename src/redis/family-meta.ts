/** What is known of a family, as the scripts store it: see commands/shared/family.lua. */
export interface FamilyMeta {
  readonly type: string;
  /** Escaped, as pushed. */
  readonly help: string | undefined;
  /** Likewise. */
  readonly unit: string | undefined;
  /** Of all its blocks. */
  readonly bytes: number;
  /** How often compaction has changed blocks. */
  readonly revision: number;
  /** Where its text ends. */
  readonly end: number;
}

/** The field of the family's hash. */
export const META = 'm';

const BYTES_AT = 8;
const REVISION_AT = 36;
const TYPE_AT = 47;

/** @param text of the field; something may follow */
export function readMeta(text: Buffer): FamilyMeta {
  const fingerprintAt = TYPE_AT + 1 + text[TYPE_AT];
  const helpAt = fingerprintAt + 1 + text[fingerprintAt];
  const helpEnd = helpAt + 4 + text.readUInt32LE(helpAt);
  const end = helpEnd + 4 + text.readUInt32LE(helpEnd);
  return {
    type: text.toString('latin1', TYPE_AT + 1, fingerprintAt),
    help: given(text, helpAt + 4, helpEnd),
    unit: given(text, helpEnd + 4, end),
    bytes: text.readDoubleLE(BYTES_AT),
    revision: text.readUInt32LE(REVISION_AT),
    end,
  };
}

/** '' or '=' and a text. */
function given(text: Buffer, start: number, end: number): string | undefined {
  return start === end ? undefined : text.toString('utf8', start + 1, end);
}
