import type { WireReader } from './wire-reader.ts';

export interface TimestampFields {
  readonly seconds: number;
  readonly nanos: number;
}

/** A google.protobuf.Timestamp. */
export function readTimestamp(reader: WireReader): TimestampFields {
  let [seconds, nanos] = [0, 0];
  const outer = reader.enterMessage();
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.int64();
    else if (reader.field === 2) nanos = reader.int64();
    else reader.skip();
  }
  reader.leave(outer);
  return { seconds, nanos };
}
