import { KIB, MIB } from '../../units.ts';
import type { Reply } from '../commands.ts';
import { Slab } from './slab.ts';

const [STATUS, ERROR, INTEGER, BULK, ARRAY] = ['+', '-', ':', '$', '*'].map((type) => type.charCodeAt(0));
const MINUS = '-'.charCodeAt(0);
const RETURN = 0x0d;
const LINE_END = 0x0a;
const DIGIT_0 = 0x30;
/** The longest line is an error, and those are short. */
const MOST_LINE_BYTES = 64 * KIB;
/** `proto-max-bulk-len`: Redis has no longer strings. */
const MOST_BULK_BYTES = 512 * MIB;
/** Longer than most blocks. Of a string that is cut and not longer, what is there is left in its place. */
const MOST_LEFT_BYTES = 96 * KIB;
const MOST_DEPTH = 16;

/** An error that Redis has answered. The connection is as good as before. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

/** What the server sends is no RESP2: nothing that follows can be understood. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/**
 * Takes the strings of answers, which are strings or arrays of them, one by one: no object is made for each. Those of
 * arrays within arrays come in their order, too; where these begin and end is not told.
 */
export interface BulkSink {
  /** The string is what stands in the slab from `from` to `to`. To keep it, hold the slab. */
  bulk(slab: Slab, from: number, to: number): void;
  /** An item of the array is nil. Without this there must be none. */
  nil?(): void;
}

export interface ReplyReceiver {
  /** An answer begins that is a string or an array: who takes its strings? */
  sink(): BulkSink | undefined;
  /** It is whole. It is null if its strings have been taken, and if it is nothing. */
  reply(reply: Reply | ReplyError): void;
}

interface OpenArray {
  readonly items: Reply[];
  /** Items that are still to come. */
  left: number;
}

/**
 * Reads what a server sends (RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/), wherever it is cut.
 * Strings that no sink takes are copied: what was received is overwritten by what comes next.
 */
export class ReplyDecoder {
  readonly #receiver: ReplyReceiver;
  /** Arrays that are not whole yet, outermost first. */
  readonly #open: OpenArray[] = [];
  #sink: BulkSink | undefined;
  /** The first error within the answer: that is what it comes to. */
  #error: ReplyError | undefined;
  /** A string that is cut and its line end, and how much of that is there. */
  #long: Buffer | undefined;
  #filled = 0;

  constructor(receiver: ReplyReceiver) {
    this.#receiver = receiver;
  }

  /** Takes the next bytes, and returns where it must go on when more have come. Throws ProtocolError. */
  readonly read = (slab: Slab, from: number, to: number): number => {
    const { bytes } = slab;
    let at = this.#long === undefined ? from : this.#fill(this.#long, bytes, from, to);
    while (at < to) {
      const type = bytes[at];
      if (type === STATUS || type === ERROR) {
        const end = bytes.subarray(at, to).indexOf(LINE_END) + at;
        if (end < at) {
          if (to - at > MOST_LINE_BYTES) throw malformed();
          return at;
        }
        if (bytes[end - 1] !== RETURN) throw malformed();
        if (type === STATUS) this.#item(Buffer.from(bytes.subarray(at + 1, end - 1)));
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
      for (; i < to; i++) {
        const digit = (bytes[i] as number) - DIGIT_0;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (i + 1 >= to) {
        if (to - at > MOST_LINE_BYTES) throw malformed();
        return at;
      }
      if (i === digitsAt || bytes[i] !== RETURN || bytes[i + 1] !== LINE_END) throw malformed();
      const lineAt = at;
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
        const sink = this.#open.length === 0 ? this.#receiver.sink() : this.#sink;
        if (end + 2 > to) {
          if (sink !== undefined && value <= MOST_LEFT_BYTES) return lineAt;
          this.#long = Buffer.allocUnsafe(value + 2);
          this.#filled = 0;
          return this.#fill(this.#long, bytes, at, to);
        }
        if (bytes[end] !== RETURN || bytes[end + 1] !== LINE_END) throw malformed();
        if (sink === undefined) this.#item(copyOf(bytes, at, end));
        else this.#pour(sink, slab, at, end);
        at = end + 2;
      }
    }
    return at;
  };

  #begin(count: number): void {
    if (this.#open.length === 0) this.#sink = this.#receiver.sink();
    else if (this.#open.length === MOST_DEPTH) throw malformed();
    this.#open.push({ items: [], left: count });
    if (count === 0) this.#close();
  }

  #pour(sink: BulkSink, slab: Slab, from: number, to: number): void {
    sink.bulk(slab, from, to);
    if (this.#open.length === 0) this.#receiver.reply(null);
    else this.#took();
  }

  #item(item: Reply): void {
    if (this.#open.length === 0) {
      this.#receiver.reply(item);
    } else {
      if (this.#sink === undefined) this.#open[this.#open.length - 1].items.push(item);
      else if (item === null && this.#sink.nil !== undefined) this.#sink.nil();
      else throw malformed();
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
    if (--this.#open[this.#open.length - 1].left === 0) this.#close();
  }

  #close(): void {
    const { items } = this.#open.pop() as OpenArray;
    if (this.#open.length > 0) {
      if (this.#sink === undefined) this.#item(items);
      else this.#took();
      return;
    }
    const reply = this.#error ?? (this.#sink === undefined ? items : null);
    this.#sink = undefined;
    this.#error = undefined;
    this.#receiver.reply(reply);
  }

  /** @returns where in the bytes it goes on */
  #fill(long: Buffer, bytes: Buffer, from: number, to: number): number {
    const copied = bytes.copy(long, this.#filled, from, to);
    this.#filled += copied;
    const end = long.length - 2;
    if (this.#filled === long.length) {
      this.#long = undefined;
      if (long[end] !== RETURN || long[end + 1] !== LINE_END) throw malformed();
      const sink = this.#open.length === 0 ? this.#receiver.sink() : this.#sink;
      if (sink === undefined) this.#item(long.subarray(0, end));
      else this.#pour(sink, new Slab(long), 0, end);
    }
    return from + copied;
  }
}

function malformed(): ProtocolError {
  return new ProtocolError('what is no RESP2');
}

function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}
