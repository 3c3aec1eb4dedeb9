const RETURN = 0x0d;
const LINE_END = 0x0a;

/** What an argument or a command begins with: its type, a length, and the end of the line. @returns where that ends */
export function writeLengthLine(target: Buffer, start: number, type: number, length: number): number {
  let at = start;
  target[at++] = type;
  let unit = 1;
  while (unit * 10 <= length) unit *= 10;
  for (; unit >= 1; unit /= 10) target[at++] = 0x30 + (Math.floor(length / unit) % 10);
  target[at++] = RETURN;
  target[at++] = LINE_END;
  return at;
}
