import { BACKSLASH, LOWER_N, QUOTE } from '../character-classes.ts';
import type { Scratch } from '../scratch.ts';

/**
 * Appends what stands between two quotes of OpenMetrics, which knows other escapes than `\\`, `\"` and `\n` as the two
 * characters that they are.
 */
export function copyEscaped(out: Scratch, text: Uint8Array, start: number, end: number): void {
  out.reserve((end - start) * 2);
  for (let i = start; i < end; i++) {
    const byte = text[i];
    out.byte(byte);
    if (byte !== BACKSLASH) continue;
    const next = text[i + 1];
    if (i + 1 < end && (next === BACKSLASH || next === QUOTE || next === LOWER_N)) {
      out.byte(next);
      i++;
    } else {
      out.byte(BACKSLASH);
    }
  }
}

/** Likewise for a string whose characters are bytes. */
export function normalizeEscapes(text: string): string {
  return text.includes('\\')
    ? text.replace(/\\([\\"n])|\\/g, (pair, known) => (known ? pair : '\\\\'))
    : text;
}

export function isName(text: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (text[start + i] !== name[i]) return false;
  return true;
}
