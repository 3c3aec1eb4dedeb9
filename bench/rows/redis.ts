import type { Request } from '../clients/keep-alive-client.ts';
import { seriesLine } from '../data/series.ts';
import { SourceBody } from '../data/source-body.ts';
import { cpuSeconds } from '../measure/process-usage.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import type { Row } from '../row.ts';
import { count, hold, INGEST, ingestOfSource, inWords, pushOfSource, slowCommands } from './parts.ts';

/** Of the original, a key for each sample; measured on two cores. */
const ORIGINAL = { in: 3.9, out: 2.3 };

export const redisCpu: Row = {
  name: 'redis-cpu',
  about: 'CPU that Redis spends on a million series: a repeated push, a scrape',
  async measure(bench) {
    const body = bench.million();
    const times = bench.size(5, 10);
    await using ours = await bench.ours();
    await push(ours, body, INGEST);
    await ours.quiet();
    const perMillion = async (work: () => Promise<unknown>): Promise<number> => {
      const before = cpuSeconds(ours.redis.pid);
      for (let i = 0; i < times; i++) await work();
      await ours.quiet();
      return ((cpuSeconds(ours.redis.pid) - before) / times / body.series) * 1e6;
    };
    const pushed = await perMillion(() => push(ours, body, INGEST));
    const scraped = await perMillion(() => scrape(ours, { leastBytes: body.bytes }));
    return [
      {
        what: `repeated push; ${inWords(body)}`,
        unit: 's',
        ours: pushed,
        goals: [{ kind: 'at-most', value: 0.4 }],
        note: `the original: ${ORIGINAL.in} s`,
      },
      {
        what: 'scrape',
        unit: 's',
        ours: scraped,
        goals: [{ kind: 'at-most', value: 0.1 }],
        note: `the original: ${ORIGINAL.out} s`,
      },
    ];
  },
};

export const redisMemory: Row = {
  name: 'redis-memory',
  about: 'Redis memory per series of 139 bytes: the main body, blocks of five series, pushes of one line',
  async measure(bench) {
    const main = bench.million();
    const tiny = new SourceBody({ families: 100, seriesPerFamily: 5 });
    const sources = bench.size(2_000, 200);
    const lines = bench.size(50_000, 1_000);
    /** What is held per series, after the work, by a Redis that was empty. */
    const perSeries = async (series: number, work: (port: number) => Promise<unknown>) => {
      await using ours = await bench.ours();
      await work(ours.port);
      await ours.quiet();
      return { bytes: (await ours.usage.dataBytes()) / series, slow: await slowCommands(ours) };
    };
    const all = (next: (number: number) => Request, pushes: number) => (port: number) =>
      hold({ port }, pushes, next);
    const ofMain = await perSeries(main.series, (port) => push({ port, pid: 0 }, main, INGEST));
    const ofTiny = await perSeries(
      sources * tiny.series,
      all((source) => ingestOfSource(tiny, source), sources),
    );
    const ofGroups = await perSeries(
      sources * tiny.series,
      all((source) => pushOfSource(tiny, source), sources),
    );
    const ofLines = await perSeries(
      lines,
      all((number) => ({ method: 'POST', path: '/ingest', body: Buffer.from(lineOf(number)) }), lines),
    );
    return [
      {
        what: `main: ${inWords(main)}`,
        unit: 'bytes',
        ours: ofMain.bytes,
        goals: [{ kind: 'at-most', value: 170 }],
        note: ofMain.slow,
      },
      {
        what: `blocks of five series; ${count(sources)} sources`,
        unit: 'bytes',
        ours: ofTiny.bytes,
        goals: [{ kind: 'at-most', value: 200 }],
        note: ofTiny.slow,
      },
      { what: 'the same as groups', unit: 'bytes', ours: ofGroups.bytes, note: ofGroups.slow },
      {
        what: `${count(lines)} pushes of one line`,
        unit: 'bytes',
        ours: ofLines.bytes,
        goals: [{ kind: 'at-most', value: 320 }],
        note: ofLines.slow,
      },
    ];
  },
};

function lineOf(number: number): string {
  return seriesLine(number % 50, Math.floor(number / 50), 'host-0001', '1764000000');
}
