import protobuf from 'protobufjs/minimal.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;

/** Groups in groups in an unknown field: more than anybody means. */
const MAX_GROUPS = 100;

/** A varint of so many bytes is below 2^53. */
const EXACT_VARINT_BYTES = 7;

/** What is made of a bucket takes a hundred times the two bytes that a body needs for an empty one. */
const MAX_PARTS = 100_000;

/** The bytes are no message of the schema. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * Reads the fields of a message and of those in it, by hand, so that nothing is made of them but what is needed. Known
 * fields of another wire type than theirs are errors, unknown ones are skipped.
 */
export class WireReader {
  readonly bytes: Buffer;
  /** Of the field that `next` has found. */
  field = 0;
  /** Where its tag begins. */
  fieldStart = 0;
  /** What `range` has found. */
  start = 0;
  end = 0;
  readonly #reader: protobuf.Reader;
  #wireType = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#reader = protobuf.Reader.create(bytes);
  }

  get position(): number {
    return this.#reader.pos;
  }

  /** Reads `bytes[start, end)` from now on. @returns the end up to now, for `leave` */
  enter(start: number, end: number): number {
    const reader = this.#reader;
    const outer = reader.len;
    reader.pos = start;
    reader.len = end;
    return outer;
  }

  /** Reads the message that the field holds from now on. @returns what `leave` needs to go on behind it */
  enterMessage(): number {
    this.range();
    return this.enter(this.start, this.end);
  }

  leave(outer: number): void {
    this.#reader.pos = this.#reader.len;
    this.#reader.len = outer;
  }

  /** Goes to the next field, unless this was the last. @throws WireError */
  next(): boolean {
    const reader = this.#reader;
    if (reader.pos === reader.len) return false;
    this.fieldStart = reader.pos;
    const tag = this.#uint32();
    this.field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.field === 0) throw invalid('a field has the number 0');
    return true;
  }

  /** The bytes of the field: `start` and `end`. */
  range(): void {
    this.#expect(BYTES);
    const reader = this.#reader;
    const length = this.#uint32();
    this.start = reader.pos;
    this.end = this.start + length;
    if (this.end > reader.len) throw invalid('a field is longer than its message');
    reader.pos = this.end;
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#fixed64();
  }

  /** Of an unsigned integer of 64 bits, rounded beyond 2^53. */
  uint64(): number {
    this.#expect(VARINT);
    const value = this.#smallVarint();
    return value >= 0 ? value : this.#checked(() => Number(String(this.#reader.uint64())));
  }

  int64(): number {
    this.#expect(VARINT);
    return this.#checked(() => Number(String(this.#reader.int64())));
  }

  sint64(): number {
    this.#expect(VARINT);
    return this.#sint64();
  }

  /** The decimal digits of an integer. */
  int64Text(): string {
    this.#expect(VARINT);
    return this.#checked(() => String(this.#reader.int64()));
  }

  /** The numbers of a repeated field of doubles, which may be packed. */
  doubles(into: number[]): void {
    this.#repeated(FIXED64, into, () => this.#fixed64());
  }

  sint64s(into: number[]): void {
    this.#repeated(VARINT, into, () => this.#sint64());
  }

  skip(): void {
    this.#skipValue(this.field, this.#wireType);
  }

  #repeated(wireType: number, into: number[], read: () => number): void {
    if (this.#wireType === wireType) {
      into.push(read());
    } else {
      const outer = this.enterMessage();
      while (this.#reader.pos < this.#reader.len && into.length <= MAX_PARTS) into.push(read());
      this.leave(outer);
    }
    checkParts(into.length);
  }

  /** Mostly of one byte, for which nothing should be called. */
  #uint32(): number {
    const reader = this.#reader;
    const byte = this.bytes[reader.pos];
    if (byte < 0x80 && reader.pos < reader.len) {
      reader.pos++;
      return byte;
    }
    return this.#checked(() => reader.uint32());
  }

  #sint64(): number {
    const value = this.#smallVarint();
    if (value >= 0) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    return this.#checked(() => Number(String(this.#reader.sint64())));
  }

  /** The next varint if it is below 2^49, or -1, and then nothing has been read. */
  #smallVarint(): number {
    const reader = this.#reader;
    let value = 0;
    for (let i = 0; i < EXACT_VARINT_BYTES && reader.pos + i < reader.len; i++) {
      const byte = this.bytes[reader.pos + i];
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        reader.pos += i + 1;
        return value;
      }
    }
    return -1;
  }

  #fixed64(): number {
    const at = this.#reader.pos;
    if (at + 8 > this.#reader.len) throw invalid('a field is longer than its message');
    this.#reader.pos = at + 8;
    return this.bytes.readDoubleLE(at);
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw invalid(`field ${this.field} has the wire type ${this.#wireType}, not ${wireType}`);
    }
  }

  #skipValue(field: number, wireType: number): void {
    const reader = this.#reader;
    const groups = [];
    let [number, type] = [field, wireType];
    for (;;) {
      if (type === VARINT) this.#checked(() => reader.uint64());
      else if (type === FIXED64) this.#checked(() => reader.skip(8));
      else if (type === FIXED32) this.#checked(() => reader.skip(4));
      else if (type === BYTES) this.#checked(() => reader.skip(reader.uint32()));
      else if (type === GROUP && groups.length < MAX_GROUPS) groups.push(number);
      else if (type !== GROUP_END || groups.pop() !== number)
        throw invalid(`field ${number} cannot be skipped`);
      if (groups.length === 0) return;
      const tag = this.#checked(() => reader.uint32());
      [number, type] = [tag >>> 3, tag & 7];
    }
  }

  #checked<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw invalid((error as Error).message, error);
    }
  }
}

/** @throws WireError if these are too many buckets, or the like, for one metric */
export function checkParts(count: number): void {
  if (count > MAX_PARTS) throw new WireError(`a metric has more than ${MAX_PARTS} buckets`);
}

function invalid(what: string, cause?: unknown): WireError {
  return new WireError(`proto: cannot parse invalid wire-format data: ${what}`, { cause });
}
