import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exchange } from '../compat/raw-exchange.ts';
import { Target } from '../compat/target.ts';
import { asForm, assertLines, assertShown, operations } from './groupings.ts';
import { runProgram } from './run-program.ts';

const PROGRAM = fileURLToPath(new URL('python/push.py', import.meta.url));
// Debian's client is there for Debian's Python only.
const PYTHON = '/usr/bin/python3';

for (const compression of ['plain', 'gzip']) {
  test(`Python's push_to_gateway, pushadd_to_gateway and delete_from_gateway, ${compression}`, async () => {
    await using target = await Target.start();
    const outcome = await runProgram(PYTHON, [PROGRAM, target.url, compression], {
      input: JSON.stringify(operations()),
    });
    assert.deepEqual(outcome, { status: 0, output: '' });
    // Later versions than Debian's put a value with a blank in base64.
    await assertShown(target, 'py_gauge', { meant: asForm });
    const { body } = await exchange(target.port, { method: 'GET', path: '/metrics' });
    assertLines(body.toString(), [
      '# TYPE py_counter_total counter',
      'py_counter_total{a="x y",instance="",job="nightly"} 3',
      '# TYPE py_histogram histogram',
      'py_histogram_bucket{instance="",job="nightly",le="2.5"} 0',
      'py_histogram_bucket{instance="",job="nightly",le="+Inf"} 1',
      'py_histogram_sum{instance="",job="nightly"} 3',
      '# TYPE py_summary summary',
      'py_summary_count{instance="",job="nightly"} 1',
      '# TYPE py_info gauge',
      'py_info{instance="",job="nightly",version="1"} 1',
    ]);
  });
}
