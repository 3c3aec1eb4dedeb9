/** Just enough of protobuf to write pushes and read scrapes, apart from the gateway's own code. */

export type Field = readonly [id: number, value: Value];
/** A bigint is a varint, a number a double; strings, bytes and messages are told by their length. */
export type Value = bigint | number | string | Buffer | readonly Field[];

export function message(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([id, value]) => field(id, value)));
}

export function delimited(...messages: ReadonlyArray<readonly Field[]>): Buffer {
  return Buffer.concat(
    messages.map(message).map((bytes) => Buffer.concat([varint(BigInt(bytes.length)), bytes])),
  );
}

export function zigzag(value: number): bigint {
  return BigInt(value < 0 ? -value * 2 - 1 : value * 2);
}

function field(id: number, value: Value): Buffer {
  if (typeof value === 'bigint') return Buffer.concat([varint(BigInt(id * 8)), varint(value)]);
  if (typeof value === 'number') {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(value);
    return Buffer.concat([varint(BigInt(id * 8 + 1)), double]);
  }
  const bytes =
    typeof value === 'string'
      ? Buffer.from(value)
      : Buffer.isBuffer(value)
        ? value
        : message(value as readonly Field[]);
  return Buffer.concat([varint(BigInt(id * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export type Fields = ReadonlyMap<number, ReadonlyArray<bigint | number | Buffer>>;

export function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, Array<bigint | number | Buffer>>();
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    const values = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, values);
    values.push(reader.value(tag & 7));
  }
  return fields;
}

/** The families of a scrape, by name. */
export function familiesOf(bytes: Buffer): Map<string, { type: number; metrics: Fields[] }> {
  const families = new Map<string, { type: number; metrics: Fields[] }>();
  const reader = new Reader(bytes);
  while (!reader.done) {
    const family = fieldsOf(reader.value(2) as Buffer);
    families.set(String(family.get(1)?.[0]), {
      type: Number(family.get(3)?.[0] ?? 0n),
      metrics: (family.get(4) ?? []).map((metric) => fieldsOf(metric as Buffer)),
    });
  }
  return families;
}

/** `a="1",b="2"`, the labels of a metric. */
export function labelsOf(metric: Fields): string {
  return (metric.get(1) ?? [])
    .map((label) => fieldsOf(label as Buffer))
    .map((label) => `${label.get(1)?.[0]}="${label.get(2)?.[0] ?? ''}"`)
    .join(',');
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  value(wire: number): bigint | number | Buffer {
    if (wire === 0) return this.varint();
    if (wire === 1) {
      this.#at += 8;
      return this.#bytes.readDoubleLE(this.#at - 8);
    }
    if (wire !== 2) throw new Error(`wire type ${wire}`);
    const length = Number(this.varint());
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error('cut off');
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
