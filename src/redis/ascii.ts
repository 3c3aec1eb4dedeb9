/** A longer text is written as a whole: to have that done takes 150 ns before the first byte. */
const SHORT_TEXT = 128;

/** Writes a text of ASCII, of which there is room for. @returns where it ends, or -1 if it is not in ASCII */
export function writeAscii(target: Uint8Array, start: number, text: string): number {
  const { length } = text;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return -1;
    target[start + i] = code;
  }
  return start + length;
}

/** Writes a text in UTF-8. There is room for three bytes a character. @returns where it ends */
export function writeText(target: Buffer, start: number, text: string): number {
  const end = text.length <= SHORT_TEXT ? writeAscii(target, start, text) : -1;
  return end >= 0 ? end : start + target.write(text, start);
}
