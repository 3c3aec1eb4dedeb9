import protobuf from 'protobufjs';

/** io.prometheus.client of prometheus/client_model, as far as it is stable. */
const SCHEMA = `
syntax = "proto2";
package io.prometheus.client;
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Quantile quantile = 3;
  optional Timestamp created_timestamp = 4;
}
message Untyped { optional double value = 1; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_count_float = 4; optional double sample_sum = 2;
  repeated Bucket bucket = 3; optional sint32 schema = 5; optional double zero_threshold = 6;
  optional uint64 zero_count = 7; repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
  optional Timestamp created_timestamp = 15;
}
message Bucket {
  optional uint64 cumulative_count = 1; optional double cumulative_count_float = 4;
  optional double upper_bound = 2; optional Exemplar exemplar = 3;
}
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Metric {
  repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Summary summary = 4;
  optional Untyped untyped = 5; optional Histogram histogram = 7; optional int64 timestamp_ms = 6;
}
message MetricFamily {
  optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4;
  optional string unit = 5;
}`;

const root = protobuf.parse(SCHEMA, { keepCase: true }).root;
const MetricFamily = root.lookupType('io.prometheus.client.MetricFamily');
const Histogram = root.lookupType('io.prometheus.client.Histogram');

export interface Message {
  readonly [field: string]: unknown;
}

/** The messages of a delimited body; 64-bit integers are numbers. */
export function messagesOf(body: Buffer): Message[] {
  const reader = protobuf.Reader.create(body);
  const messages: Message[] = [];
  while (reader.pos < reader.len) {
    const message = MetricFamily.decodeDelimited(reader);
    messages.push(MetricFamily.toObject(message, { longs: Number, enums: String }));
  }
  return messages;
}

/** The fields of a native histogram as an extra of a stored line has them. */
export function nativeExtra(fields: Message): string {
  return Buffer.from(Histogram.encode(Histogram.fromObject(fields)).finish()).toString('base64');
}
