import { writeAscii } from '../ascii.ts';
import { writeLengthLine } from './length-line.ts';

const BULK = '$'.charCodeAt(0);
const RETURN = 0x0d;
const LINE_END = 0x0a;

/**
 * Writes an argument that consists of two texts, as a bulk string, without joining them first. There is room for three bytes a
 * character, and for the frame.
 * @returns where it ends
 */
export function writeJoined(target: Buffer, start: number, head: string, tail: string): number {
  // Nearly all are in ASCII, each character a byte.
  const tailAt = writeAscii(target, writeLengthLine(target, start, BULK, head.length + tail.length), head);
  let end = tailAt < 0 ? -1 : writeAscii(target, tailAt, tail);
  if (end < 0) {
    const text = head + tail;
    end = writeLengthLine(target, start, BULK, Buffer.byteLength(text));
    end += target.write(text, end);
  }
  target[end++] = RETURN;
  target[end++] = LINE_END;
  return end;
}
