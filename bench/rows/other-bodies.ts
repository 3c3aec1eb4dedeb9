import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Body } from '../data/bodies.ts';
import { inTurn } from '../measure/in-turn.ts';
import { median } from '../measure/statistics.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Row } from '../row.ts';
import { inAndOut } from './in-and-out.ts';
import { INGEST, inWords, slowCommands } from './parts.ts';

export const shuffled: Row = {
  name: 'shuffled',
  about: 'the main body with its lines in random order, another one with each push',
  async measure(bench) {
    const spec = { families: 100, seriesPerFamily: bench.size(10_000, 1_000) };
    const orders = [1, 2, 3].map((seed) => bench.body({ ...spec, seed, shuffled: true }));
    await using ours = await bench.ours();
    for (const body of orders) await push(ours, body, INGEST);
    let pushes = 0;
    const { seconds } = await inTurn(bench.size(6, 3), {
      seconds: () => push(ours, orders[pushes++ % orders.length], INGEST),
    });
    await ours.quiet();
    const read = async () => (await scrape(ours, { leastBytes: orders[0].bytes * 0.99 })).seconds;
    await read();
    const out = await inTurn(bench.size(5, 3), { seconds: read });
    return [
      {
        what: `in; ${inWords(orders[0])}`,
        unit: 's',
        ours: median(seconds),
        note: await slowCommands(ours),
      },
      { what: 'out', unit: 's', ours: median(out.seconds) },
    ];
  },
};

export const oneFamily: Row = {
  name: 'one-family',
  about: 'one family of two million series, in and out',
  async measure(bench) {
    const body = bench.body({ families: 1, seriesPerFamily: bench.size(2_000_000, 200_000) });
    await using ours = await bench.ours();
    const seconds = await inAndOut(bench.size(5, 3), { ours: { gateway: ours, body } });
    return [
      { what: `in; ${inWords(body)}`, unit: 's', ours: seconds.ours.in, note: await slowCommands(ours) },
      { what: 'out', unit: 's', ours: seconds.ours.out },
    ];
  },
};

export const gzip: Row = {
  name: 'gzip',
  about: 'the main body compressed with gzip, in and out',
  async measure(bench) {
    const plain = bench.million();
    const body = await compressed(plain);
    const headers = ['Content-Encoding: gzip'];
    await using ours = await bench.ours();
    await using official = await Official.start();
    const pushes = {
      ours: () => push(ours, body, { ...INGEST, headers }),
      official: () => push(official, body, { headers }),
    };
    await inTurn(1, pushes);
    const secondsIn = await inTurn(bench.size(3, 2), pushes);
    await ours.quiet();
    const asked = { headers: ['Accept-Encoding: gzip'] };
    const scrapes = {
      ours: async () => (await scrape(ours, asked)).seconds,
      official: async () => (await scrape(official, asked)).seconds,
    };
    await inTurn(1, scrapes);
    const secondsOut = await inTurn(bench.size(3, 2), scrapes);
    return [
      {
        what: `in; ${inWords(body)} compressed`,
        unit: 's',
        ours: median(secondsIn.ours),
        official: median(secondsIn.official),
      },
      { what: 'out', unit: 's', ours: median(secondsOut.ours), official: median(secondsOut.official) },
    ];
  },
};

async function compressed(body: Body): Promise<Body> {
  const file = `${body.file}.gz`;
  await pipeline(createReadStream(body.file), createGzip(), createWriteStream(file));
  return { ...body, file, bytes: statSync(file).size };
}
