import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { KeepAliveClient } from '../clients/keep-alive-client.ts';
import { percentile } from '../measure/statistics.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import { type Ours, telemetry } from '../programs/ours.ts';
import type { Row } from '../row.ts';
import { count, INGEST, inWords } from './parts.ts';

const PROBE_MS = 20;

export const eventLoop: Row = {
  name: 'event-loop',
  about:
    'event-loop delay, and answers of /-/healthy, while a million series are pushed and scraped all the time',
  async measure(bench) {
    const body = bench.million();
    const seconds = bench.size(15, 3);
    await using ours = await bench.ours();
    await push(ours, body, INGEST);
    await scrape(ours);
    const end = performance.now() + seconds * SECOND;
    const again = async (work: () => Promise<unknown>): Promise<number> => {
      let times = 0;
      for (; performance.now() < end; times++) await work();
      return times;
    };
    // The delays are those since they were read last.
    await telemetry(ours, 'nodejs_eventloop_lag_p99_seconds');
    const probing = probe(ours, end);
    const [pushes, scrapes, p99] = await Promise.all([
      again(() => push(ours, body, INGEST)),
      again(() => scrape(ours)),
      sleep(seconds * SECOND).then(() => telemetry(ours, 'nodejs_eventloop_lag_p99_seconds')),
    ]);
    const { latenciesMs, wrong } = await probing;
    return [
      {
        what: `delay p99 by the gateway's telemetry; ${inWords(body)}`,
        unit: 'ms',
        ours: p99 * SECOND,
        goals: [{ kind: 'at-most', value: 50 }],
        note: `${pushes} pushes and ${scrapes} scrapes in ${seconds} s`,
      },
      {
        what: 'answers of /-/healthy, p99',
        unit: 'ms',
        ours: percentile(latenciesMs, 0.99),
        note: `${count(latenciesMs.length)} probes, ${wrong} not answered with 200; slowest ${Math.max(...latenciesMs).toFixed(0)} ms`,
      },
    ];
  },
};

async function probe({ port }: Ours, end: number) {
  using client = await KeepAliveClient.connect(port);
  const latenciesMs: number[] = [];
  let wrong = 0;
  for (; performance.now() < end; await sleep(PROBE_MS)) {
    const begun = performance.now();
    if ((await client.send({ method: 'GET', path: '/-/healthy' })).status !== 200) wrong++;
    latenciesMs.push(performance.now() - begun);
  }
  return { latenciesMs, wrong };
}
