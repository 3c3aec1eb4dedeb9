const PERCENT = 0x25;

/** The bytes of one part of a path. A string: the escape that is none. `+` stays. */
export function percentDecode(part: string): Buffer | string {
  // Node gives request targets as Latin-1, so each character is a byte.
  const bytes = Buffer.from(part, 'latin1');
  let to = bytes.indexOf(PERCENT);
  if (to < 0) return bytes;
  for (let from = to; from < bytes.length; from++, to++) {
    const byte = bytes[from] as number;
    if (byte !== PERCENT) {
      bytes[to] = byte;
      continue;
    }
    const triple = bytes.toString('latin1', from, from + 3);
    if (!/^%[0-9a-fA-F]{2}$/.test(triple)) return triple;
    bytes[to] = Number.parseInt(triple.slice(1), 16);
    from += 2;
  }
  return bytes.subarray(0, to);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined if the bytes are not UTF-8. */
export function utf8Text(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
