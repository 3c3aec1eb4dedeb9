import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate } from '../../../src/server/exposition/negotiate.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=';
const TEXT_1 = 'text/plain; version=1.0.0; charset=utf-8; escaping=';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=';
const OPEN_METRICS_0 = 'application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=';
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=';
const PROTO = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';

const CASES: ReadonlyArray<readonly [accept: string | undefined, contentType: string]> = [
  [undefined, `${TEXT}underscores`],
  ['', `${TEXT}underscores`],
  ['*/*', `${TEXT}underscores`],
  ['text/*', `${TEXT}underscores`],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', `${TEXT}underscores`],
  ['application/json', `${TEXT}underscores`],
  ['text/plain', `${TEXT}underscores`],
  ['TEXT/Plain; Version="0.0.4"', `${TEXT}underscores`],
  ['text/plain;version=0.0.9', `${TEXT}underscores`],
  // Prometheus 2.42
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    `${OPEN_METRICS}underscores`,
  ],
  // the same with native histograms
  [
    `${PROTO},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    `${PROTOBUF}underscores`,
  ],
  // Prometheus 3
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    `${OPEN_METRICS}allow-utf-8`,
  ],
  [`${PROTO};escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3`, `${PROTOBUF}allow-utf-8`],
  ['text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2', `${TEXT_1}allow-utf-8`],
  ['text/plain;version=1.0.0;escaping=values', `${TEXT}values`],
  ['text/plain;version=0.0.4;escaping=dots', `${TEXT}dots`],
  ['text/plain;version=0.0.4;escaping=allow-utf-8', `${TEXT}allow-utf-8`],
  ['text/plain;escaping=upside-down', `${TEXT}underscores`],
  ['application/openmetrics-text', `${OPEN_METRICS_0}underscores`],
  ['application/openmetrics-text;version=0.0.1', `${OPEN_METRICS_0}underscores`],
  ['application/openmetrics-text;version=2.0.0', `${TEXT}underscores`],
  [
    'application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1',
    `${OPEN_METRICS}underscores`,
  ],
  // the order is that of the qualities, and of the header where those are equal
  ['text/plain;q=0.5,application/openmetrics-text;version=1.0.0', `${OPEN_METRICS}underscores`],
  ['text/plain,application/openmetrics-text;version=1.0.0', `${TEXT}underscores`],
  ['*/*,application/openmetrics-text;version=1.0.0', `${OPEN_METRICS}underscores`],
  ['application/openmetrics-text;version=1.0.0;q=0,text/plain;q=0.1', `${TEXT}underscores`],
  ['application/vnd.google.protobuf', `${TEXT}underscores`],
  [
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text',
    `${TEXT}underscores`,
  ],
  ['application/vnd.google.protobuf;proto=other;encoding=delimited,text/plain;q=0.1', `${TEXT}underscores`],
];

test('what is answered to an Accept header', () => {
  for (const [accept, contentType] of CASES) assert.equal(negotiate(accept).contentType, contentType, accept);
});
