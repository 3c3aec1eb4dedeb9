import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate } from '../../../src/server/exposition/negotiate.ts';
import { ownFamilies } from '../../../src/server/exposition/own-metrics.ts';
import { Telemetry } from '../../../src/server/telemetry.ts';
import { checkMetrics } from '../../support/prometheus.ts';
import { messagesOf } from './metrics-proto.ts';
import { parseOpenMetrics } from './open-metrics-parser.ts';
import { bytesOf, type Family } from './written.ts';

async function ownMetrics(): Promise<{ text: string; families: Family[] }> {
  const telemetry = new Telemetry('1.2.3');
  telemetry.httpRequests.inc({ handler: 'a "b"\\\n{}', code: '200', method: 'get' });
  telemetry.scrapeDuration.observe({ status_code: '200' }, 0.2);
  telemetry.scrapeDuration.observe({ status_code: '503' }, 2);
  const text = await telemetry.registry.metrics();
  const families = ownFamilies(text).map(({ name, type, help, texts }, i, all) => ({
    name,
    type,
    ...(help !== undefined && { help }),
    lines: [...texts.call(all[i])].map((piece) => piece.text.toString()).join(''),
  }));
  return { text, families };
}

const written = (families: readonly Family[], accept: string): Buffer =>
  bytesOf(negotiate(accept).createWriter(), families);

test('own metrics keep all of their samples', async () => {
  const { text, families } = await ownMetrics();
  const lines = (exposition: string): string[] =>
    exposition
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) =>
        line.replace(/^([^{]+)\{(.*)\} /, (_, name, labels) => `${name}{${labels.split(',').sort()}} `),
      )
      .sort();
  assert.deepEqual(
    lines(written(families, 'text/plain').toString()),
    lines(text.replaceAll(' Nan\n', ' NaN\n')),
  );
});

test('own metrics are valid in each format', async () => {
  const { families } = await ownMetrics();
  const { status, output } = await checkMetrics(written(families, 'text/plain').toString());
  assert.equal(status, 0, output);
  const open = written(families, 'application/openmetrics-text; version=1.0.0').toString();
  const [parsed] = parseOpenMetrics([open]);
  assert.ok(Array.isArray(parsed), `${parsed}`);
  const protobuf =
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
  const shown = families.filter(({ lines }) => lines !== '').length;
  assert.equal(messagesOf(written(families, protobuf)).length, shown);
  assert.equal(parsed.length, shown);
});
