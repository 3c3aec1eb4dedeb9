import { load } from '../clients/load.ts';
import { SourceBody } from '../data/source-body.ts';
import { inTurn } from '../measure/in-turn.ts';
import { cpuSeconds } from '../measure/process-usage.ts';
import { median } from '../measure/statistics.ts';
import { type GatewayUnderTest, push, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Row } from '../row.ts';
import { count, hold, INGEST, ingestOfSource, notes, pushOfSource, slowCommands } from './parts.ts';

const CLIENTS = 8;
const AT_ONCE = 24;
const TINY = { families: 100, seriesPerFamily: 5 };

export const manySources: Row = {
  name: 'many-sources',
  about: '2,000 sources × 100 families × 5 series, each source its own push',
  async measure(bench) {
    const body = new SourceBody(TINY);
    const sources = bench.size(2_000, 200);
    const main = bench.million();
    await using toIngest = await bench.ours();
    await using toGroups = await bench.ours();
    await using fresh = await bench.ours();
    await using mainOurs = await bench.ours();
    await using official = await Official.start();
    const ingested = await secondRound(toIngest, sources, (source) => ingestOfSource(body, source));
    const grouped = await secondRound(toGroups, sources, (source) => pushOfSource(body, source));
    const atOnce = { ours: await firstAtOnce(fresh, body), official: await firstAtOnce(official, body) };
    const theirs = await cpuOf(official, {
      count: sources,
      seconds: bench.size(20, 3),
      next: (source) => pushOfSource(body, source),
    });
    await push(mainOurs, main, INGEST);
    for (const ours of [toIngest, toGroups, mainOurs]) await ours.quiet();
    const least = leastOf(body, sources);
    const scrapes = {
      ingested: async () => (await scrape(toIngest, least)).seconds,
      grouped: async () => (await scrape(toGroups, least)).seconds,
      main: async () => (await scrape(mainOurs, { leastBytes: main.bytes })).seconds,
    };
    await inTurn(1, scrapes);
    const seconds = await inTurn(bench.size(7, 3), scrapes);
    const likeMain = { kind: 'times-other', atMost: 1.5, other: median(seconds.main), name: 'main' } as const;
    return [
      {
        what: `CPU a push to /ingest; ${count(sources)} sources × 500 series`,
        unit: 'ms',
        ours: ingested.cpuMs,
        goals: [{ kind: 'at-most', value: 2 }],
        note: notes(`${ingested.rate.toFixed(0)} pushes/s`, await slowCommands(toIngest)),
      },
      {
        what: 'CPU a push to a group of its own',
        unit: 'ms',
        ours: grouped.cpuMs,
        official: theirs.cpuMs,
        goals: [{ kind: 'at-most', value: 2 }],
        note: notes(
          `${grouped.rate.toFixed(0)} pushes/s; official: ${count(theirs.answered)} pushes, ${theirs.rate.toFixed(0)}/s`,
          await slowCommands(toGroups),
        ),
      },
      {
        what: `slowest of ${AT_ONCE} first pushes at once, which make the same families`,
        unit: 'ms',
        ours: Math.max(...atOnce.ours.latenciesMs),
        official: Math.max(...atOnce.official.latenciesMs),
        note: atOnce.ours.refused > 0 ? `${atOnce.ours.refused} refused here` : undefined,
      },
      { what: 'scrape of the ingested', unit: 's', ours: median(seconds.ingested), goals: [likeMain] },
      { what: 'scrape of the groups', unit: 's', ours: median(seconds.grouped), goals: [likeMain] },
    ];
  },
};

export const tinySources: Row = {
  name: 'tiny-sources',
  about: '10,000 such sources: five million series in blocks of five',
  async measure(bench) {
    const body = new SourceBody(TINY);
    const sources = bench.size(10_000, 500);
    await using ours = await bench.ours();
    const ingested = await secondRound(ours, sources, (source) => ingestOfSource(body, source));
    await ours.quiet();
    const read = async () => (await scrape(ours, leastOf(body, sources))).seconds;
    const { seconds } = await inTurn(3, { seconds: read });
    return [
      {
        what: `CPU a push to /ingest; ${count(sources)} sources × 500 series`,
        unit: 'ms',
        ours: ingested.cpuMs,
        note: notes(`${ingested.rate.toFixed(0)} pushes/s`, await slowCommands(ours)),
      },
      {
        what: 'scrape, for each million series',
        unit: 's',
        ours: median(seconds) / ((sources * body.series) / 1e6),
      },
    ];
  },
};

/** Each by a client of its own, to a gateway that has none of the families yet. */
function firstAtOnce({ port }: GatewayUnderTest, body: SourceBody) {
  const next = (source: number) => pushOfSource(body, source);
  return load({ port, clients: AT_ONCE, count: AT_ONCE, mayRefuse: true, next });
}

type Next = Parameters<typeof load>[0]['next'];

/** The first round is the warm-up, and all that is held. */
async function secondRound(gateway: GatewayUnderTest, sources: number, next: Next) {
  await hold(gateway, sources, next);
  return cpuOf(gateway, { count: sources, next });
}

async function cpuOf(
  gateway: GatewayUnderTest,
  options: { readonly count: number; readonly seconds?: number; readonly next: Next },
) {
  const before = cpuSeconds(gateway.pid);
  const { answered, seconds } = await load({ port: gateway.port, clients: CLIENTS, ...options });
  const cpuMs = ((cpuSeconds(gateway.pid) - before) / answered) * 1000;
  return { answered, cpuMs, rate: answered / seconds };
}

/** HELP and TYPE come with each push, and once in a scrape. */
function leastOf(body: SourceBody, sources: number) {
  return { leastBytes: body.sampleBytes * sources };
}
