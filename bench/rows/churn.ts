import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Body } from '../data/bodies.ts';
import { inTurn } from '../measure/in-turn.ts';
import { median } from '../measure/statistics.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import type { Ours } from '../programs/ours.ts';
import type { Row } from '../row.ts';
import { count, INGEST, notes, slowCommands } from './parts.ts';

const FAMILIES = 100;
const SAMPLE_MS = 10;

export const churn: Row = {
  name: 'churn',
  about: '100 pushes, each a random half of 100,000 series, not scraped',
  async measure(bench) {
    const seriesPerFamily = bench.size(1_000, 200);
    const all = bench.body({ families: FAMILIES, seriesPerFamily });
    const halves = Array.from({ length: bench.size(100, 20) }, (_, i) =>
      bench.body({ families: FAMILIES, seriesPerFamily, share: 0.5, seed: 1_000 + i }),
    );
    await using ours = await bench.ours();
    await push(ours, all, INGEST);
    await push(ours, all, INGEST);
    await ours.quiet();
    const live = await ours.usage.dataBytes();
    const stableSeconds = await scrapeSeconds(bench, ours, all);

    const most = await mostWhile(ours, async () => {
      for (const half of halves) await push(ours, half, INGEST);
      await ours.quiet();
    });
    const after = await ours.usage.dataBytes();
    const seconds = await scrapeSeconds(bench, ours, all);
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    return [
      {
        what: `most that Redis holds, of the live data; ${halves.length} pushes of half of ${count(all.series)} series`,
        unit: '×',
        ours: most / live,
        goals: [{ kind: 'at-most', value: 2.5 }],
        note: notes(`${megabytes(most)} of ${megabytes(live)}`, await slowCommands(ours)),
      },
      {
        what: 'what it holds after, of the live data',
        unit: '×',
        ours: after / live,
        goals: [{ kind: 'at-most', value: 1.5 }],
        note: megabytes(after),
      },
      {
        what: 'scrape after',
        unit: 's',
        ours: seconds,
        goals: [{ kind: 'times-other', atMost: 1.5, other: stableSeconds, name: 'stable' }],
      },
    ];
  },
};

async function scrapeSeconds(bench: Bench, ours: Ours, all: Body): Promise<number> {
  const seconds = async () => (await scrape(ours, { leastBytes: all.bytes * 0.99 })).seconds;
  await inTurn(3, { seconds });
  return median((await inTurn(bench.size(11, 5), { seconds })).seconds);
}

async function mostWhile({ usage }: Ours, work: () => Promise<void>): Promise<number> {
  let most = 0;
  let working = true;
  const watching = (async () => {
    for (; working; await sleep(SAMPLE_MS)) most = Math.max(most, await usage.dataBytes());
  })();
  try {
    await work();
  } finally {
    working = false;
    await watching;
  }
  return most;
}
