import { KIB } from '../../src/units.ts';
import type { Body } from '../data/bodies.ts';
import { inTurn } from '../measure/in-turn.ts';
import { median } from '../measure/statistics.ts';
import { Floor } from '../programs/floor.ts';
import { push, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import { type Ours, telemetry } from '../programs/ours.ts';
import type { Row } from '../row.ts';
import { INGEST, inWords, notes, slowCommands } from './parts.ts';

export const ingestMillion: Row = {
  name: 'ingest-million',
  about: 'one body of a million series in 100 families into /ingest, against a POST to the official gateway',
  async measure(bench) {
    const body = bench.million();
    await using ours = await bench.ours();
    await using official = await Official.start();
    await using floor = await Floor.start();
    await push(ours, body, INGEST);
    await push(official, body);
    await floor.in(body);
    const seconds = await inTurn(bench.size(5, 3), {
      ours: () => push(ours, body, INGEST),
      official: () => push(official, body),
      floor: () => floor.in(body),
    });
    return [
      {
        what: inWords(body),
        unit: 's',
        ours: median(seconds.ours),
        official: median(seconds.official),
        floor: median(seconds.floor),
        goals: [{ kind: 'times-better', atLeast: 7 }],
        note: await slowCommands(ours),
      },
    ];
  },
};

export const putMillion: Row = {
  name: 'put-million',
  about: 'the same body as one group: PUT /metrics/job/bench',
  async measure(bench) {
    const body = bench.million();
    await using ours = await bench.ours({
      args: ['--push.max-body-bytes=1024MiB', '--push.max-buffered-bytes=1024MiB'],
    });
    await using official = await Official.start();
    const put = { method: 'PUT' as const };
    await push(ours, body, put);
    await push(official, body, put);
    const seconds = await inTurn(bench.size(5, 3), {
      ours: () => push(ours, body, put),
      official: () => push(official, body, put),
    });
    return [
      {
        what: inWords(body),
        unit: 's',
        ours: median(seconds.ours),
        official: median(seconds.official),
        goals: [{ kind: 'times-better', atLeast: 4 }],
        note: await slowCommands(ours),
      },
    ];
  },
};

export const scrapeMillion: Row = {
  name: 'scrape-million',
  about: 'a scrape of that million, against the official one and the floor',
  async measure(bench) {
    const body = bench.million();
    await using ours = await bench.ours();
    await using official = await Official.start();
    await push(ours, body, INGEST);
    const valueBytes = await storedBlockBytes(ours, body);
    await using floor = await Floor.start(valueBytes);
    await floor.fill(body, valueBytes);
    await push(official, body);
    await ours.quiet();
    const scrapes = {
      ours: async () => (await scrape(ours, { leastBytes: body.bytes })).seconds,
      official: async () => (await scrape(official, { leastBytes: body.bytes })).seconds,
      floor: () => floor.out(body),
    };
    await inTurn(1, scrapes);
    const seconds = await inTurn(bench.size(7, 3), scrapes);
    return [
      {
        what: inWords(body),
        unit: 's',
        ours: median(seconds.ours),
        official: median(seconds.official),
        floor: median(seconds.floor),
        goals: [
          { kind: 'times-better', atLeast: 8 },
          { kind: 'times-floor', atMost: 1.8 },
        ],
        note: notes(`plain values of ${Math.round(valueBytes / KIB)} KiB`, await slowCommands(ours)),
      },
    ];
  },
};

/** What the blocks of a body that was pushed once have on the average. */
async function storedBlockBytes(ours: Ours, body: Body): Promise<number> {
  return Math.round(body.bytes / (await telemetry(ours, 'pushgateway_blocks_written_total')));
}
