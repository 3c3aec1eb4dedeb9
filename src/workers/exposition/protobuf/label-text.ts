import { BACKSLASH, COMMA, EQUALS, LOWER_N, NEWLINE, QUOTE } from '../character-classes.ts';
import { isLabelName } from '../names.ts';
import type { Scratch } from '../scratch.ts';

/** Appends text that may stand between quotes. */
export function writeEscaped(out: Scratch, text: Uint8Array, start: number, end: number): void {
  out.reserve((end - start) * 2);
  for (let i = start; i < end; i++) {
    const byte = text[i];
    if (byte === BACKSLASH || byte === QUOTE || byte === NEWLINE) {
      out.byte(BACKSLASH);
      out.byte(byte === NEWLINE ? LOWER_N : byte);
    } else {
      out.byte(byte);
    }
  }
}

/** Appends `name="value"`, the name in quotes if it has to be, after a comma unless it is the first label. */
export function writeLabel(
  out: Scratch,
  isFirst: boolean,
  name: Uint8Array,
  nameStart: number,
  nameEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  out.reserve(nameEnd - nameStart + 6);
  if (!isFirst) out.byte(COMMA);
  if (isLabelName(name, nameStart, nameEnd)) {
    out.copy(name, nameStart, nameEnd);
  } else {
    out.byte(QUOTE);
    writeEscaped(out, name, nameStart, nameEnd);
    out.reserve(4);
    out.byte(QUOTE);
  }
  out.byte(EQUALS);
  out.byte(QUOTE);
  writeEscaped(out, value, valueStart, valueEnd);
  out.reserve(1);
  out.byte(QUOTE);
}
