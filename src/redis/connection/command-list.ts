import { KIB } from '../../units.ts';
import { writeJoined } from './joined-text.ts';

const FIRST_BYTES = 16 * KIB;
/** Of the number and the line ends around an argument. */
const FRAME_BYTES = 16;

/**
 * Commands, one behind the other, as Redis reads them
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/, arrays of bulk strings), in memory that is used again.
 * Where there are hundreds of short ones that have a key and nothing else of their own, it takes a third of what it takes
 * to join them as texts.
 */
export class CommandList {
  #memory: Buffer;
  #length = 0;
  /** Where each of them ends. */
  readonly #ends: number[] = [];

  constructor(bytes = FIRST_BYTES) {
    this.#memory = Buffer.allocUnsafeSlow(bytes);
  }

  /** Good until it is cleared. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  get count(): number {
    return this.#ends.length;
  }

  /** What was in it has been sent, and answered. */
  clear(): void {
    this.#length = 0;
    this.#ends.length = 0;
  }

  /** @param command see commandBytes */
  add(command: Buffer): void {
    this.#reserve(command.length);
    this.#copy(command);
    this.#ends.push(this.#length);
  }

  /**
   * A command with a key that consists of two texts.
   * @param head as far as the key, which is the first argument: see commandBytes
   * @param tail what comes behind the key
   */
  addKeyed(head: Buffer, prefix: string, name: string, tail?: Buffer): void {
    const tailBytes = tail === undefined ? 0 : tail.length;
    this.#reserve(head.length + FRAME_BYTES + (prefix.length + name.length) * 3 + tailBytes);
    this.#copy(head);
    this.#length = writeJoined(this.#memory, this.#length, prefix, name);
    if (tail !== undefined) this.#copy(tail);
    this.#ends.push(this.#length);
  }

  /** One of them alone. */
  only(index: number): CommandList {
    const command = this.#memory.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
    const list = new CommandList(command.length);
    list.add(command);
    return list;
  }

  /** Byte by byte: it is a dozen. There is room for them. */
  #copy(bytes: Buffer): void {
    const memory = this.#memory;
    const start = this.#length;
    for (let i = 0; i < bytes.length; i++) memory[start + i] = bytes[i];
    this.#length = start + bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow((this.#length + bytes) * 2);
    this.#memory.copy(larger, 0, 0, this.#length);
    this.#memory = larger;
  }
}

/** Name and arguments as they are sent. @param more arguments that the command has besides, which are to be added */
export function commandBytes(args: readonly string[], more = 0): Buffer {
  return Buffer.from(`*${args.length + more}\r\n${args.map(argumentText).join('')}`);
}

export function argumentBytes(arg: string): Buffer {
  return Buffer.from(argumentText(arg));
}

function argumentText(arg: string): string {
  return `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`;
}
