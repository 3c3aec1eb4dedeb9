import type { Line, Row } from '../row.ts';
import { inAndOut } from './in-and-out.ts';
import { count } from './parts.ts';

export const scaling: Row = {
  name: 'scaling',
  about: 'time per series at 100,000, a million and five million of them',
  async measure(bench) {
    const body = (full: number) =>
      bench.body({ families: 100, seriesPerFamily: bench.size(full, full / 10) });
    const bodies = { few: body(1_000), million: body(10_000), many: body(50_000) };
    await using few = await bench.ours();
    await using million = await bench.ours();
    await using many = await bench.ours();
    const inARow = bench.size(50, 10);
    const seconds = await inAndOut(bench.size(5, 1), {
      // Code gets fast by the series it has seen, so each sees five million before. And the caches of the processor are
      // full of what the others need at first, so each turn is five million, too. The goal counts for the first ones as well.
      few: { gateway: few, body: bodies.few, warmUps: inARow, inARow },
      million: { gateway: million, body: bodies.million, warmUps: 5, inARow: 5 },
      many: { gateway: many, body: bodies.many },
    });
    const lines: Line[] = [];
    for (const way of ['in', 'out'] as const) {
      const each = (['few', 'million', 'many'] as const).map((name) => ({
        series: bodies[name].series,
        micros: (seconds[name][way] / bodies[name].series) * 1e6,
        first: (seconds[name][way === 'in' ? 'firstIn' : 'firstOut'] / bodies[name].series) * 1e6,
      }));
      for (const { series, micros, first } of each) {
        lines.push({
          what: `${way}, each of ${count(series)} series`,
          unit: 'µs',
          ours: micros,
          note: first === micros ? undefined : `${first.toFixed(2)} µs of the first ones of each turn`,
        });
      }
      for (const [which, micros] of [
        ['', each.map((size) => size.micros)],
        [', of the first ones', each.map((size) => size.first)],
      ] as const) {
        lines.push({
          what: `${way}: the dearest series of the three, of the cheapest${which}`,
          unit: '×',
          ours: Math.max(...micros) / Math.min(...micros),
          goals: [{ kind: 'at-most', value: 1.3 }],
        });
      }
    }
    return lines;
  },
};
