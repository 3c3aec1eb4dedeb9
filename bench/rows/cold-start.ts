import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { freePort } from '../../test/support/ports.ts';
import { RedisServer } from '../../test/support/redis-server.ts';
import { answers } from '../clients/answers.ts';
import { inTurn } from '../measure/in-turn.ts';
import { median } from '../measure/statistics.ts';
import { OFFICIAL_PROGRAM, officialFlags } from '../programs/official.ts';
import { OUR_PROGRAM } from '../programs/ours.ts';
import type { Row } from '../row.ts';

const LONGEST_MS = 20 * SECOND;
const BODY = Buffer.from('bench_starts 1\n');

export const coldStart: Row = {
  name: 'cold-start',
  about: 'from the start of the process to the first push that is acknowledged',
  async measure(bench) {
    await using redis = await RedisServer.start();
    const ours = (endpoint: string) => async () => {
      const port = await freePort();
      const flags = [`--port=${port}`, '--host=127.0.0.1', `--redis.endpoint=${endpoint}`];
      return firstAnswer(process.execPath, [...OUR_PROGRAM, ...flags], port);
    };
    const seconds = await inTurn(bench.size(5, 3), {
      ours: ours(redis.endpoint),
      embedded: ours('embedded'),
      official: async () => {
        const port = await freePort();
        return firstAnswer(OFFICIAL_PROGRAM, officialFlags(port), port);
      },
    });
    return [
      {
        what: 'with a Redis that runs',
        unit: 's',
        ours: median(seconds.ours),
        official: median(seconds.official),
        goals: [{ kind: 'at-most', value: 1 }],
      },
      {
        what: 'with the embedded Redis',
        unit: 's',
        ours: median(seconds.embedded),
        official: median(seconds.official),
        goals: [{ kind: 'at-most', value: 1 }],
      },
    ];
  },
};

async function firstAnswer(command: string, args: readonly string[], port: number): Promise<number> {
  const begun = performance.now();
  const started = await GuardedProcess.spawn(command, args);
  try {
    await answers(port, { method: 'POST', path: '/metrics/job/bench', body: BODY }, LONGEST_MS);
    return (performance.now() - begun) / SECOND;
  } finally {
    await started.stop(5 * SECOND);
  }
}
