import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Gauge, Histogram, Pushgateway, Registry, Summary } from 'prom-client';
import { exchange } from '../compat/raw-exchange.ts';
import { IS_OFFICIAL, Target } from '../compat/target.ts';
import { assertLines, assertShown, GROUPINGS, type Operation, operations } from './groupings.ts';

// The official gateway refuses its `%2F`, and loses what it pushes under an empty value.
const USABLE = IS_OFFICIAL
  ? GROUPINGS.filter((grouping) => !Object.values(grouping).some((v) => v === '' || v.includes('/')))
  : GROUPINGS;

function registry(value: number): Registry {
  const registers = [new Registry()];
  new Gauge({ name: 'js_gauge', help: 'Of prom-client.', registers }).set(value);
  new Counter({ name: 'js_counter', help: 'Of prom-client.', labelNames: ['a'], registers }).inc(
    { a: 'x "y"' },
    value,
  );
  new Histogram({ name: 'js_histogram', help: 'Of prom-client.', buckets: [1, 2.5], registers }).observe(
    value,
  );
  new Summary({ name: 'js_summary', help: 'Of prom-client.', percentiles: [0.5], registers }).observe(value);
  return registers[0];
}

async function run(target: Target, { op, job, grouping, value }: Operation, headers: object): Promise<void> {
  const gateway = new Pushgateway(target.url, { headers: { ...headers } }, registry(value));
  const group = { jobName: job, groupings: grouping };
  if (op === 'push') await gateway.push(group);
  else if (op === 'add') await gateway.pushAdd(group);
  else await gateway.delete(group);
}

for (const [name, headers] of [
  ['plain', {}],
  ['gzip', { 'Content-Encoding': 'gzip' }],
] as const) {
  test(`prom-client's push, pushAdd and delete, ${name}`, {
    skip: IS_OFFICIAL && 'a job with a slash is lost there',
  }, async () => {
    await using target = await Target.start();
    for (const operation of operations(USABLE)) await run(target, operation, headers);
    await assertShown(target, 'js_gauge', { groupings: USABLE });
    const { body } = await exchange(target.port, { method: 'GET', path: '/metrics' });
    assertLines(body.toString(), [
      '# TYPE js_counter counter',
      'js_counter{a="x \\"y\\"",instance="",job="nightly"} 3',
      'js_histogram_bucket{instance="",job="nightly",le="2.5"} 0',
      'js_histogram_bucket{instance="",job="nightly",le="+Inf"} 1',
      'js_summary{instance="",job="nightly",quantile="0.5"} 3',
    ]);
  });
}

test('prom-client in OpenMetrics, which its content type does not say', async () => {
  await using target = await Target.start();
  const register = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  new Gauge({ name: 'om_gauge', help: 'Of prom-client.', registers: [register] }).set(3);
  await new Pushgateway(target.url, {}, register).push({ jobName: 'j' });
  const { body } = await exchange(target.port, { method: 'GET', path: '/metrics' });
  assert.match(body.toString(), /^om_gauge\{instance="",job="j"\} 3$/m);
});
