import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROTOBUF } from '../compat/metric-messages.ts';
import { familiesOf, fieldsOf, labelsOf } from '../compat/protobuf.ts';
import { exchange } from '../compat/raw-exchange.ts';
import { Target } from '../compat/target.ts';
import { asForm, assertLines, assertShown, operations } from './groupings.ts';
import { runProgram } from './run-program.ts';

const SOURCE = fileURLToPath(new URL('go/main.go', import.meta.url));

let directory: string;
let program: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-go-'));
  program = join(directory, 'push');
  // Debian's packages are sources on a path of the old kind; nothing is downloaded.
  const env = {
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(directory, 'cache'),
    CGO_ENABLED: '0',
  };
  assert.deepEqual(await runProgram('go', ['build', '-o', program, SOURCE], { env }), {
    status: 0,
    output: '',
  });
});

after(() => rm(directory, { recursive: true, force: true }));

test("Go's push.New(…).Push(), Add() and Delete(), as protobuf with native histograms and exemplars", async () => {
  await using target = await Target.start();
  const outcome = await runProgram(program, [target.url], { input: JSON.stringify(operations()) });
  assert.deepEqual(outcome, { status: 0, output: '' });
  await assertShown(target, 'client_gauge', { meant: asForm });

  const text = await exchange(target.port, { method: 'GET', path: '/metrics' });
  assertLines(text.body.toString(), [
    '# TYPE client_counter_total counter',
    'client_counter_total{a="x y",instance="",job="nightly"} 3',
    'client_histogram_bucket{instance="",job="nightly",le="2.5"} 0',
    'client_histogram_bucket{instance="",job="nightly",le="+Inf"} 1',
    'client_histogram_sum{instance="",job="nightly"} 3',
    'client_summary{instance="",job="nightly",quantile="0.5"} 3',
  ]);

  const protobuf = await exchange(target.port, {
    method: 'GET',
    path: '/metrics',
    headers: { Accept: PROTOBUF },
  });
  const families = familiesOf(protobuf.body);
  for (const metric of families.get('client_histogram')?.metrics ?? []) {
    const histogram = fieldsOf(metric.get(7)?.[0] as Buffer);
    assert.deepEqual([histogram.get(1), histogram.get(2)], [[1n], [3]]);
    assert.deepEqual(
      [histogram.get(5), histogram.get(13)],
      [[6n], [2n]],
      'schema 3, one observation in one bucket',
    );
  }
  for (const metric of families.get('client_counter_total')?.metrics ?? []) {
    const exemplar = fieldsOf(fieldsOf(metric.get(3)?.[0] as Buffer).get(2)?.[0] as Buffer);
    assert.equal(labelsOf(exemplar), 'trace_id="t1"');
  }
  assert.ok((families.get('client_histogram')?.metrics.length ?? 0) > 0);
});
