import { SECOND } from '../../src/units.ts';
import { pushApart } from '../clients/push-apart.ts';
import { percentile } from '../measure/statistics.ts';
import { type GatewayUnderTest, push, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Row } from '../row.ts';
import { count, INGEST, inWords, notes, slowCommands } from './parts.ts';

const PAUSE_MS = 10;
const LINE = '# TYPE bench_last_run_seconds gauge\nbench_last_run_seconds{instance="one"} 1764000000\n';

export const oneLineWhileScraped: Row = {
  name: 'one-line-while-scraped',
  about: 'a push of one line while a million series are held and being scraped, one scrape after the other',
  async measure(bench) {
    const body = bench.million();
    await using ours = await bench.ours();
    await push(ours, body, INGEST);
    await push(ours, body, INGEST);
    await ours.quiet();
    const most = { count: bench.size(1_000, 150), seconds: bench.size(60, 4) };
    await whileScraped(ours, '/metrics/job/one', { count: 50, seconds: most.seconds });
    const toGroup = await whileScraped(ours, '/metrics/job/one', most);
    const toIngest = await whileScraped(ours, '/ingest', most);
    const slow = await slowCommands(ours);

    await using official = await Official.start();
    await push(official, body);
    const theirs = await whileScraped(official, '/metrics/job/one', most);
    return [
      {
        what: `to a group, p99; ${inWords(body)} held`,
        unit: 'ms',
        ours: toGroup.p99,
        official: theirs.p99,
        goals: [{ kind: 'times-better', atLeast: 300 }],
        note: notes(
          `${count(toGroup.pushes)} pushes here, ${theirs.pushes} there in ${most.seconds} s`,
          slow,
        ),
      },
      {
        what: 'to /ingest, p99',
        unit: 'ms',
        ours: toIngest.p99,
        official: theirs.p99,
        goals: [{ kind: 'times-better', atLeast: 300 }],
      },
      { what: 'to a group, median', unit: 'ms', ours: toGroup.median, official: theirs.median },
    ];
  },
};

interface Latencies {
  readonly pushes: number;
  readonly median: number;
  readonly p99: number;
}

async function whileScraped(
  gateway: GatewayUnderTest,
  path: string,
  most: { readonly count: number; readonly seconds: number },
): Promise<Latencies> {
  let pushing = true;
  const scraping = (async () => {
    while (pushing) await scrape(gateway);
  })();
  try {
    // The scrape should be well under way.
    await new Promise((resolve) => setTimeout(resolve, 0.1 * SECOND));
    const result = await pushApart({ port: gateway.port, path, body: LINE, pauseMs: PAUSE_MS, ...most });
    // One that is not answered yet when the time is up is at least as slow as it has waited.
    const { latenciesMs, oldestWaitingMs } = result;
    const all =
      oldestWaitingMs > Math.max(0, ...latenciesMs) ? [...latenciesMs, oldestWaitingMs] : latenciesMs;
    return { pushes: result.answered, median: percentile(all, 0.5), p99: percentile(all, 0.99) };
  } finally {
    pushing = false;
    await scraping;
  }
}
