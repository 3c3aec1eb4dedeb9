import assert from 'node:assert/strict';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { noteGarbage } from '../../src/server/chunk-garbage.ts';
import { MIB } from '../../src/units.ts';

test('what is young is collected after every 8 MiB, and nothing else', async () => {
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as NodeJS.GCFunction;
  const forced: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind, flags } = (entry as unknown as { detail: { kind: number; flags: number } }).detail;
      if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) forced.push(kind);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  for (let i = 0; i < 40; i++) noteGarbage(MIB / 2);
  await sleep(100);
  observer.disconnect();
  assert.deepEqual(forced, Array(2).fill(constants.NODE_PERFORMANCE_GC_MINOR));
});
