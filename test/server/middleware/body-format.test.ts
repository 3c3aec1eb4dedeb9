import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyFormat } from '../../../src/server/middleware/body-format.ts';

const CASES: ReadonlyArray<readonly [format: string, contentType: string | undefined]> = [
  ['text', undefined],
  ['text', ''],
  ['text', 'text/plain; version=0.0.4'],
  ['text', 'application/x-www-form-urlencoded'],
  ['text', 'application/openmetrics-text-not'],
  ['openmetrics', 'application/openmetrics-text'],
  ['openmetrics', 'Application/OpenMetrics-Text;version=1.0.0; charset=utf-8'],
  ['openmetrics', ' application/openmetrics-text ; version=0.0.1'],
  [
    'protobuf',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  ],
  ['protobuf', 'application/vnd.google.protobuf;encoding=delimited;proto=io.prometheus.client.MetricFamily'],
  [
    'protobuf',
    'APPLICATION/vnd.google.Protobuf ; PROTO="io.prometheus.client.MetricFamily" ;Encoding="deli\\mited"',
  ],
  [
    'protobuf',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; x="a;b=\\"c"; encoding=delimited; escaping=underscores',
  ],
  ['text', 'application/vnd.google.protobuf'],
  ['text', 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily'],
  ['text', 'application/vnd.google.protobuf; encoding=delimited'],
  ['text', 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text'],
  ['text', 'application/vnd.google.protobuf; proto=IO.prometheus.client.MetricFamily; encoding=delimited'],
  [
    'text',
    'application/vnd.google.protobuf; x="proto=io.prometheus.client.MetricFamily; encoding=delimited"',
  ],
  ['text', 'application/protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'],
];

for (const [format, contentType] of CASES) {
  test(`${JSON.stringify(contentType)} is ${format}`, () => {
    assert.equal(bodyFormat(contentType === undefined ? {} : { 'content-type': contentType }), format);
  });
}

test('a long content type is read in linear time', () => {
  const contentType = `application/vnd.google.protobuf${'; x="'.repeat(3_000)}`;
  assert.equal(bodyFormat({ 'content-type': contentType }), 'text');
});
