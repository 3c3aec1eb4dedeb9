import { isUtf8 } from 'node:buffer';
import { readTimestamp, type TimestampFields } from './timestamp-fields.ts';
import type { WireReader } from './wire-reader.ts';

export interface ExemplarFields {
  readonly labels: ReadonlyArray<readonly [name: Buffer, value: Buffer]>;
  readonly value: number;
  readonly timestamp: TimestampFields | undefined;
}

/** The Exemplar that the reader has entered, or undefined if it has invalid UTF-8. @throws WireError */
export function readExemplar(reader: WireReader): ExemplarFields | undefined {
  const labels: Array<readonly [Buffer, Buffer]> = [];
  let value = 0;
  let timestamp: TimestampFields | undefined;
  while (reader.next()) {
    if (reader.field === 1) labels.push(readLabel(reader));
    else if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) timestamp = readTimestamp(reader);
    else reader.skip();
  }
  return labels.every((label) => label.every((bytes) => isUtf8(bytes)))
    ? { labels, value, timestamp }
    : undefined;
}

function readLabel(reader: WireReader): readonly [Buffer, Buffer] {
  let [name, value] = [Buffer.alloc(0), Buffer.alloc(0)];
  const outer = reader.enterMessage();
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) {
      reader.range();
      const bytes = Buffer.from(reader.bytes.subarray(reader.start, reader.end));
      if (reader.field === 1) name = bytes;
      else value = bytes;
    } else {
      reader.skip();
    }
  }
  reader.leave(outer);
  return [name, value];
}
