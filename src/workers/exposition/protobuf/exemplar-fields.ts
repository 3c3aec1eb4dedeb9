import { isUtf8 } from 'node:buffer';
import { MAX_EXEMPLAR_CHARACTERS } from '../openmetrics/exemplar-text.ts';
import { readTimestamp, type TimestampFields } from './timestamp-fields.ts';
import type { WireReader } from './wire-reader.ts';

export interface ExemplarFields {
  /** Of more than can be shown only some. */
  readonly labels: ReadonlyArray<readonly [name: Buffer, value: Buffer]>;
  readonly value: number;
  readonly timestamp: TimestampFields | undefined;
}

/** The Exemplar that the reader has entered, or undefined if it has invalid UTF-8. @throws WireError */
export function readExemplar(reader: WireReader): ExemplarFields | undefined {
  const labels: Array<readonly [Buffer, Buffer]> = [];
  let value = 0;
  let timestamp: TimestampFields | undefined;
  let valid = true;
  while (reader.next()) {
    if (reader.field === 1) {
      const label = readLabel(reader);
      valid &&= label.every((bytes) => isUtf8(bytes));
      if (labels.length <= MAX_EXEMPLAR_CHARACTERS) labels.push(label);
    } else if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) timestamp = readTimestamp(reader);
    else reader.skip();
  }
  return valid ? { labels, value, timestamp } : undefined;
}

function readLabel(reader: WireReader): readonly [Buffer, Buffer] {
  let [name, value] = [EMPTY, EMPTY];
  const outer = reader.enterMessage();
  while (reader.next()) {
    if (reader.field !== 1 && reader.field !== 2) {
      reader.skip();
      continue;
    }
    reader.range();
    const bytes = reader.bytes.subarray(reader.start, reader.end);
    if (reader.field === 1) name = bytes;
    else value = bytes;
  }
  reader.leave(outer);
  return [name, value];
}

const EMPTY: Buffer = Buffer.alloc(0);
