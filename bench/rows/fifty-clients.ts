import { load } from '../clients/load.ts';
import { SourceBody } from '../data/source-body.ts';
import { cpuSeconds } from '../measure/process-usage.ts';
import { percentile } from '../measure/statistics.ts';
import type { GatewayUnderTest } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Row } from '../row.ts';
import { count, hold, notes, pushOfSource, slowCommands } from './parts.ts';

const CLIENTS = 50;
const GROUPS = 200;
/** Every so many pushes a group is added. */
const PUSHES_PER_NEW_GROUP = 20;

export const fiftyClients: Row = {
  name: 'fifty-clients',
  about:
    '50 keep-alive clients, each push replaces a group of 1,000 series; 200 groups are held, and ever more',
  async measure(bench) {
    const body = new SourceBody({ families: 10, seriesPerFamily: 100 });
    const groups = bench.size(GROUPS, GROUPS / 4);
    const seconds = bench.size(20, 2);
    await using ours = await bench.ours();
    await hold(ours, groups, (source) => pushOfSource(body, source));
    const cpuBefore = cpuSeconds(ours.pid);
    const result = await clients(ours, body, groups, seconds);
    const cpu = cpuSeconds(ours.pid) - cpuBefore;
    const slow = await slowCommands(ours);
    const at = (share: number): string => percentile(result.latenciesMs, share).toFixed(0);

    await using official = await Official.start();
    await hold(official, groups, (source) => pushOfSource(body, source));
    const theirs = await clients(official, body, groups, seconds);
    return [
      {
        what: `${CLIENTS} clients, ${count(body.series)} series a push, ${groups} groups and more`,
        unit: 'pushes/s',
        ours: result.answered / result.seconds,
        official: theirs.answered / theirs.seconds,
        more: true,
        goals: [
          { kind: 'times-better', atLeast: 100 },
          { kind: 'at-least', value: 300 },
        ],
        note: notes(
          `in ${seconds} s; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
          `${((cpu / result.answered) * 1000).toFixed(1)} ms of CPU a push`,
          slow,
        ),
      },
    ];
  },
};

function clients({ port }: GatewayUnderTest, body: SourceBody, groups: number, seconds: number) {
  return load({
    port,
    clients: CLIENTS,
    seconds,
    next: (number) => {
      const added = Math.floor(number / PUSHES_PER_NEW_GROUP);
      return pushOfSource(
        body,
        number % PUSHES_PER_NEW_GROUP === 0 ? groups + added : number % (groups + added),
      );
    },
  });
}
