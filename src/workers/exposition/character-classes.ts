/** Bytes that the text format knows, and tables that tell what a byte may be part of. */

export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const BLANK = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
export const EQUALS = 0x3d;
export const UNDERSCORE = 0x5f;
export const BACKSLASH = 0x5c;
export const LOWER_N = 0x6e;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

export const METRIC_NAME_START = tableOf(`${UPPER}${LOWER}_:`);
export const METRIC_NAME = tableOf(`${UPPER}${LOWER}${DIGITS}_:`);
export const LABEL_NAME_START = tableOf(`${UPPER}${LOWER}_`);
export const LABEL_NAME = tableOf(`${UPPER}${LOWER}${DIGITS}_`);

/** 1 for what stands for itself in a label value: anything but a quote, a backslash and a newline. */
export const LABEL_VALUE = new Uint8Array(256).fill(1);
for (const byte of [QUOTE, BACKSLASH, NEWLINE]) LABEL_VALUE[byte] = 0;

export function isBlank(byte: number): boolean {
  return byte === BLANK || byte === TAB;
}

/** The first offset from `at` on that is not a blank or a tab; `end` if there is none. */
export function skipBlanks(text: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isBlank(text[i])) i++;
  return i;
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
