import protobuf from 'protobufjs/minimal.js';

/** Encodes io.prometheus.client.MetricFamily; what is undefined is left out. */

type Writer = protobuf.Writer;
type Labels = Readonly<Record<string, string>>;

export interface Stamp {
  readonly seconds: number;
  readonly nanos?: number;
}

export interface ExemplarModel {
  readonly labels: Labels;
  readonly value: number;
  readonly timestamp?: Stamp;
}

export interface BucketModel {
  readonly le: number;
  readonly count?: number;
  readonly countFloat?: number;
  readonly exemplar?: ExemplarModel;
}

export interface HistogramModel {
  readonly count?: number;
  readonly countFloat?: number;
  readonly sum?: number;
  readonly buckets?: readonly BucketModel[];
  readonly created?: Stamp;
  /** Written as it is, after the other fields. */
  readonly native?: Uint8Array;
}

export interface MetricModel {
  readonly labels?: Labels;
  readonly timestampMs?: number;
  readonly gauge?: number;
  readonly counter?: { value: number; exemplar?: ExemplarModel; created?: Stamp };
  readonly summary?: {
    count: number;
    sum: number;
    quantiles?: ReadonlyArray<readonly [number, number]>;
    created?: Stamp;
  };
  readonly untyped?: number;
  readonly histogram?: HistogramModel;
}

export const MetricType = { COUNTER: 0, GAUGE: 1, SUMMARY: 2, UNTYPED: 3, HISTOGRAM: 4, GAUGE_HISTOGRAM: 5 };

export interface FamilyModel {
  readonly name: string;
  readonly help?: string;
  readonly type?: number;
  readonly unit?: string;
  readonly metrics?: readonly MetricModel[];
}

export function delimited(...families: ReadonlyArray<FamilyModel | Uint8Array>): Buffer {
  const writer = protobuf.Writer.create();
  for (const family of families) writer.bytes(family instanceof Uint8Array ? family : encodeFamily(family));
  return Buffer.from(writer.finish());
}

export function encodeFamily({ name, help, type, unit, metrics = [] }: FamilyModel): Uint8Array {
  const writer = protobuf.Writer.create();
  text(writer, 1, name);
  text(writer, 2, help);
  if (type !== undefined) writer.uint32(tag(3, 0)).int32(type);
  for (const metric of metrics) message(writer, 4, (inner) => writeMetric(inner, metric));
  text(writer, 5, unit);
  return writer.finish();
}

/** The fields of a native histogram, from functions that write one each. */
export function nativeFields(write: (writer: Writer) => void): Uint8Array {
  const writer = protobuf.Writer.create();
  write(writer);
  return writer.finish();
}

export function tag(field: number, wireType: number): number {
  return field * 8 + wireType;
}

function writeMetric(writer: Writer, metric: MetricModel): void {
  writeLabels(writer, metric.labels ?? {});
  const { gauge, counter, summary, untyped, histogram } = metric;
  if (gauge !== undefined) message(writer, 2, (inner) => double(inner, 1, gauge));
  if (counter !== undefined) {
    message(writer, 3, (inner) => {
      double(inner, 1, counter.value);
      exemplar(inner, 2, counter.exemplar);
      stamp(inner, 3, counter.created);
    });
  }
  if (summary !== undefined) {
    message(writer, 4, (inner) => {
      inner.uint32(tag(1, 0)).uint64(summary.count);
      double(inner, 2, summary.sum);
      for (const [quantile, value] of summary.quantiles ?? []) {
        message(inner, 3, (part) => {
          double(part, 1, quantile);
          double(part, 2, value);
        });
      }
      stamp(inner, 4, summary.created);
    });
  }
  if (untyped !== undefined) message(writer, 5, (inner) => double(inner, 1, untyped));
  if (metric.timestampMs !== undefined) writer.uint32(tag(6, 0)).int64(metric.timestampMs);
  if (histogram !== undefined) message(writer, 7, (inner) => writeHistogram(inner, histogram));
}

function writeHistogram(writer: Writer, histogram: HistogramModel): void {
  if (histogram.count !== undefined) writer.uint32(tag(1, 0)).uint64(histogram.count);
  double(writer, 2, histogram.sum);
  for (const { le, count, countFloat, exemplar: shown } of histogram.buckets ?? []) {
    message(writer, 3, (inner) => {
      if (count !== undefined) inner.uint32(tag(1, 0)).uint64(count);
      double(inner, 2, le);
      exemplar(inner, 3, shown);
      double(inner, 4, countFloat);
    });
  }
  double(writer, 4, histogram.countFloat);
  stamp(writer, 15, histogram.created);
  if (histogram.native) writer.raw(histogram.native);
}

function writeLabels(writer: Writer, labels: Labels): void {
  for (const [name, value] of Object.entries(labels)) {
    message(writer, 1, (inner) => {
      text(inner, 1, name);
      text(inner, 2, value);
    });
  }
}

function exemplar(writer: Writer, field: number, model: ExemplarModel | undefined): void {
  if (model === undefined) return;
  message(writer, field, (inner) => {
    writeLabels(inner, model.labels);
    double(inner, 2, model.value);
    stamp(inner, 3, model.timestamp);
  });
}

function stamp(writer: Writer, field: number, model: Stamp | undefined): void {
  if (model === undefined) return;
  message(writer, field, (inner) => {
    inner.uint32(tag(1, 0)).int64(model.seconds);
    inner.uint32(tag(2, 0)).int32(model.nanos ?? 0);
  });
}

function double(writer: Writer, field: number, value: number | undefined): void {
  if (value !== undefined) writer.uint32(tag(field, 1)).double(value);
}

function text(writer: Writer, field: number, value: string | undefined): void {
  if (value !== undefined) writer.uint32(tag(field, 2)).string(value);
}

export function message(writer: Writer, field: number, write: (inner: Writer) => void): void {
  writer.uint32(tag(field, 2)).fork();
  write(writer);
  writer.ldelim();
}
