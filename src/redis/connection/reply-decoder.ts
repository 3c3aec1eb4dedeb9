import type { Reply } from '../commands.ts';

const [STATUS, ERROR, INTEGER, BULK, ARRAY] = ['+', '-', ':', '$', '*'].map((type) => type.charCodeAt(0));
const MINUS = '-'.charCodeAt(0);
const RETURN = 0x0d;
const LINE_END = 0x0a;
const DIGIT_0 = 0x30;
/** The longest line is an error, and those are short. */
const MOST_LINE_BYTES = 64 * 1024;
/** `proto-max-bulk-len`: Redis has no longer strings. */
const MOST_BULK_BYTES = 512 * 1024 * 1024;
const MOST_DEPTH = 16;

/** An error that Redis has answered. The connection is as good as before. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

/** What the server sends is no RESP2: nothing that follows can be understood. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Takes the strings of an answer that is a flat array of them, one by one: no object is made for each. */
export interface BulkSink {
  /** The string is `bytes` from `from` to `to`, and stays there for as long as somebody holds `bytes`. */
  bulk(bytes: Buffer, from: number, to: number): void;
}

export interface ReplyReceiver {
  /** An answer begins: who takes its strings, if it is an array? */
  sink(): BulkSink | undefined;
  /** It is whole. It is null if its strings have been taken. */
  reply(reply: Reply | ReplyError): void;
}

interface OpenArray {
  readonly items: Reply[];
  /** Items that are still to come. */
  left: number;
}

/**
 * Reads what a server sends (RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/), wherever it is cut.
 * Strings are views of what was received, unless they are cut: those are put together in memory of their own.
 */
export class ReplyDecoder {
  readonly #receiver: ReplyReceiver;
  /** Arrays that are not whole yet, outermost first. */
  readonly #open: OpenArray[] = [];
  #sink: BulkSink | undefined;
  /** The first error within the answer: that is what it comes to. */
  #error: ReplyError | undefined;
  /** The beginning of a line that is cut. */
  #line: Buffer | undefined;
  /** A string that is cut, and how much of it is there. */
  #bulk: Buffer | undefined;
  #filled = 0;
  /** How much is still to come of the line end after a string. */
  #endLeft = 0;

  constructor(receiver: ReplyReceiver) {
    this.#receiver = receiver;
  }

  /** Takes the next bytes, which must not be changed afterwards. Throws ProtocolError. */
  write(bytes: Buffer): void {
    let at = 0;
    // What is cut may be a line; that may be the one before a string, whose end is cut, too.
    if (this.#line !== undefined) at = this.#completeLine(this.#line, bytes);
    if (this.#bulk !== undefined) at = this.#fill(this.#bulk, bytes, at);
    if (this.#endLeft > 0) at = this.#skipEnd(bytes, at);
    this.#read(bytes, at);
  }

  #read(bytes: Buffer, start: number): void {
    const { length } = bytes;
    let at = start;
    while (at < length) {
      const type = bytes[at];
      if (type === STATUS || type === ERROR) {
        const end = bytes.indexOf(LINE_END, at);
        if (end === -1) {
          this.#keepLine(bytes, at);
          return;
        }
        if (bytes[end - 1] !== RETURN) throw malformed();
        if (type === STATUS) this.#item(bytes.subarray(at + 1, end - 1));
        else this.#fail(new ReplyError(bytes.toString('utf8', at + 1, end - 1)));
        at = end + 1;
        continue;
      }
      if (type !== BULK && type !== INTEGER && type !== ARRAY) throw malformed();
      // Digit by digit: there may be hundreds of thousands of these lines, of three or four bytes each.
      let [i, value] = [at + 1, 0];
      const isNegative = bytes[i] === MINUS;
      if (isNegative) i++;
      const digitsAt = i;
      for (; i < length; i++) {
        const digit = (bytes[i] as number) - DIGIT_0;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (i + 1 >= length) {
        this.#keepLine(bytes, at);
        return;
      }
      if (i === digitsAt || bytes[i] !== RETURN || bytes[i + 1] !== LINE_END) throw malformed();
      at = i + 2;
      if (type === INTEGER) {
        this.#item(isNegative ? -value : value);
      } else if (isNegative) {
        if (value !== 1) throw malformed();
        this.#item(null);
      } else if (type === ARRAY) {
        this.#begin(value);
      } else {
        if (value > MOST_BULK_BYTES) throw malformed();
        const end = at + value;
        if (end + 2 > length) {
          this.#keepBulk(bytes, at, value);
          return;
        }
        if (bytes[end] !== RETURN || bytes[end + 1] !== LINE_END) throw malformed();
        this.#string(bytes, at, end);
        at = end + 2;
      }
    }
  }

  #begin(count: number): void {
    if (this.#open.length === 0) this.#sink = this.#receiver.sink();
    else if (this.#sink !== undefined || this.#open.length === MOST_DEPTH) throw malformed();
    this.#open.push({ items: [], left: count });
    if (count === 0) this.#close();
  }

  #string(bytes: Buffer, from: number, to: number): void {
    if (this.#sink === undefined) {
      this.#item(bytes.subarray(from, to));
    } else {
      this.#sink.bulk(bytes, from, to);
      this.#took();
    }
  }

  #item(item: Reply): void {
    const array = this.#open.at(-1);
    if (array === undefined) {
      this.#receiver.reply(item);
    } else {
      if (this.#sink !== undefined) throw malformed();
      array.items.push(item);
      this.#took();
    }
  }

  #fail(error: ReplyError): void {
    if (this.#open.length === 0) {
      this.#receiver.reply(error);
    } else {
      this.#error ??= error;
      this.#took();
    }
  }

  /** One more item of the innermost array is there. */
  #took(): void {
    const array = this.#open.at(-1) as OpenArray;
    if (--array.left === 0) this.#close();
  }

  #close(): void {
    const { items } = this.#open.pop() as OpenArray;
    if (this.#open.length > 0) {
      this.#item(items);
      return;
    }
    const reply = this.#error ?? (this.#sink === undefined ? items : null);
    this.#sink = undefined;
    this.#error = undefined;
    this.#receiver.reply(reply);
  }

  #keepLine(bytes: Buffer, at: number): void {
    if (bytes.length - at > MOST_LINE_BYTES) throw malformed();
    this.#line = Buffer.from(bytes.subarray(at));
  }

  /** @returns where in the bytes it goes on, as the next two */
  #completeLine(begun: Buffer, bytes: Buffer): number {
    const end = bytes.indexOf(LINE_END) + 1 || bytes.length;
    this.#line = undefined;
    this.#read(Buffer.concat([begun, bytes.subarray(0, end)]), 0);
    return end;
  }

  #keepBulk(bytes: Buffer, from: number, length: number): void {
    this.#bulk = Buffer.allocUnsafe(length);
    this.#filled = 0;
    this.#skipEnd(bytes, this.#fill(this.#bulk, bytes, from));
  }

  #fill(bulk: Buffer, bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + bulk.length - this.#filled);
    bytes.copy(bulk, this.#filled, from, to);
    this.#filled += to - from;
    if (this.#filled === bulk.length) {
      this.#bulk = undefined;
      this.#endLeft = 2;
      this.#string(bulk, 0, bulk.length);
    }
    return to;
  }

  #skipEnd(bytes: Buffer, from: number): number {
    let at = from;
    for (; this.#endLeft > 0 && at < bytes.length; at++, this.#endLeft--) {
      if (bytes[at] !== (this.#endLeft === 2 ? RETURN : LINE_END)) throw malformed();
    }
    return at;
  }
}

function malformed(): ProtocolError {
  return new ProtocolError('what is no RESP2');
}
