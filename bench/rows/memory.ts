import type { Body } from '../data/bodies.ts';
import { peakRssMib } from '../measure/process-usage.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Ours } from '../programs/ours.ts';
import type { Row } from '../row.ts';
import { INGEST, inWords } from './parts.ts';

export const memory1m: Row = {
  name: 'memory-1m',
  about: 'peak RSS of the gateway, threads included, at a million series in and out',
  async measure(bench) {
    const body = bench.million();
    await using ours = await bench.ours();
    const oneByOne = await peakInAndOut(ours, body);
    await Promise.all([push(ours, body, INGEST), scrape(ours)]);
    const atOnce = peakRssMib(ours.pid);
    await using official = await Official.start();
    await push(official, body);
    await scrape(official);
    return [
      {
        what: `peak RSS, in and out; ${inWords(body)}`,
        unit: 'MiB',
        ours: oneByOne,
        official: peakRssMib(official.pid),
        goals: [{ kind: 'at-most', value: 288 }],
        note: `${atOnce.toFixed(0)} MiB after both at once`,
      },
    ];
  },
};

export const memory5m: Row = {
  name: 'memory-5m',
  about: 'the same at five million series in 100 families: how much more that is',
  async measure(bench) {
    const body = bench.million();
    const larger = bench.body({ families: 100, seriesPerFamily: bench.size(50_000, 5_000) });
    const peakOf = async (of: Body): Promise<number> => {
      await using ours = await bench.ours();
      return await peakInAndOut(ours, of);
    };
    const less = await peakOf(body);
    const more = await peakOf(larger);
    return [
      {
        what: `more peak RSS than with a fifth of it; ${inWords(larger)}`,
        unit: 'MiB',
        ours: more - less,
        goals: [{ kind: 'at-most', value: 64 }],
        note: `${more.toFixed(0)} MiB against ${less.toFixed(0)} MiB`,
      },
    ];
  },
};

async function peakInAndOut(ours: Ours, body: Body): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await push(ours, body, INGEST);
    await scrape(ours, { leastBytes: body.bytes });
  }
  return peakRssMib(ours.pid);
}
