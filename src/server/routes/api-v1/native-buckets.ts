import protobuf from 'protobufjs/minimal.js';

/** As the official gateway numbers them: what belongs to a bucket of its two boundaries. */
const LEFT_OPEN = 0;
const RIGHT_OPEN = 1;
const CLOSED = 3;

/** `upper` and `lower` are boundaries, `count` that of the one bucket. */
export interface NativeBucket {
  readonly boundaries: number;
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** One side of the histogram. */
interface Side {
  readonly spans: Array<{ readonly offset: number; readonly length: number }>;
  /** Of integer histograms: each to the bucket before. */
  readonly deltas: number[];
  /** Of float histograms. */
  readonly counts: number[];
}

/**
 * The buckets of a native histogram that are not empty, from the lowest to the highest: of the fields of
 * io.prometheus.client.Histogram that are stored beside its count.
 * https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
export function nativeBuckets(fields: Buffer): NativeBucket[] {
  const reader = protobuf.Reader.create(fields);
  const negative: Side = { spans: [], deltas: [], counts: [] };
  const positive: Side = { spans: [], deltas: [], counts: [] };
  let schema = 0;
  let zeroThreshold = 0;
  let zeroCount = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    const isPacked = (tag & 7) === 2;
    if (field === 5) schema = reader.sint32();
    else if (field === 6) zeroThreshold = reader.double();
    else if (field === 7) zeroCount += Number(reader.uint64());
    else if (field === 8) zeroCount += reader.double();
    else if (field === 9 || field === 12) (field === 9 ? negative : positive).spans.push(readSpan(reader));
    else if (field === 10 || field === 13)
      readNumbers(reader, isPacked, (field === 10 ? negative : positive).deltas, () =>
        Number(reader.sint64()),
      );
    else if (field === 11 || field === 14)
      readNumbers(reader, isPacked, (field === 11 ? negative : positive).counts, () => reader.double());
    else reader.skipType(tag & 7);
  }
  const below = bucketsOf(negative, schema).map(({ boundaries: _, lower, upper, count }) => ({
    boundaries: RIGHT_OPEN,
    lower: -upper,
    upper: -lower,
    count,
  }));
  const zero = { boundaries: CLOSED, lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount };
  return [...below.reverse(), zero, ...bucketsOf(positive, schema)].filter(({ count }) => count !== 0);
}

function bucketsOf({ spans, deltas, counts }: Side, schema: number): NativeBucket[] {
  const buckets: NativeBucket[] = [];
  const base = 2 ** (2 ** -schema);
  let index = 0;
  let running = 0;
  let n = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++, index++, n++) {
      running += deltas[n] ?? 0;
      const count = counts[n] ?? running;
      buckets.push({ boundaries: LEFT_OPEN, lower: base ** (index - 1), upper: base ** index, count });
    }
  }
  return buckets;
}

function readSpan(reader: protobuf.Reader): { offset: number; length: number } {
  const end = reader.uint32() + reader.pos;
  const span = { offset: 0, length: 0 };
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) span.offset = reader.sint32();
    else if (tag >>> 3 === 2) span.length = reader.uint32();
    else reader.skipType(tag & 7);
  }
  return span;
}

function readNumbers(reader: protobuf.Reader, isPacked: boolean, into: number[], read: () => number): void {
  const end = isPacked ? reader.uint32() + reader.pos : reader.pos + 1;
  while (reader.pos < end) into.push(read());
}
