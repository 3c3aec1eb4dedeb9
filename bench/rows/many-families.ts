import type { Row } from '../row.ts';
import { inAndOut } from './in-and-out.ts';
import { count, slowCommands } from './parts.ts';

export const manyFamilies: Row = {
  name: 'many-families',
  about: '200,000 families of one series, in and out',
  async measure(bench) {
    const main = bench.million();
    const body = bench.body({ families: bench.size(200_000, 20_000), seriesPerFamily: 1 });
    await using ours = await bench.ours();
    await using mainOurs = await bench.ours();
    const seconds = await inAndOut(bench.size(5, 3), {
      families: { gateway: ours, body },
      main: { gateway: mainOurs, body: main },
    });
    return [
      {
        what: `${count(body.families)} families, in`,
        unit: 's',
        ours: seconds.families.in,
        goals: [{ kind: 'times-other', atMost: 3, other: seconds.main.in, name: 'main' }],
        note: await slowCommands(ours),
      },
      {
        what: 'out',
        unit: 's',
        ours: seconds.families.out,
        goals: [{ kind: 'times-other', atMost: 5, other: seconds.main.out, name: 'main' }],
      },
    ];
  },
};
