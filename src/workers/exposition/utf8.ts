import { isUtf8 } from 'node:buffer';

/** Whether `text[start, end)` is valid UTF-8; cheap for ASCII, however short. */
export function isValidUtf8(text: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (text[i] >= 0x80) return isUtf8(text.subarray(i, end));
  }
  return true;
}
