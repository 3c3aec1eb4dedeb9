/**
 * Measures the built gateway beside the official one: `npm run bench`. See docs/performance.md.
 *
 *     npm run bench -- [ROW…] [--quick] [--json] [--list] [--profile=DIR]
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SECOND } from '../src/units.ts';
import { Bench } from './bench.ts';
import { judge, timesBetter, timesFloor } from './row.ts';
import { ROWS } from './rows.ts';
import { environment, setUp } from './setup.ts';
import { type Measured, renderTable } from './table.ts';

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});

const unknown = names.filter((name) => ROWS.every((row) => row.name !== name));
if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(', ')} (--list shows them)`);
  process.exitCode = 2;
} else if (flags.list) {
  for (const row of ROWS) console.log(`${row.name.padEnd(24)} ${row.about}`);
} else {
  await run();
}

async function run(): Promise<void> {
  setUp();
  // A signal ends us in order: the programs that were started see that we are gone, and what we wrote is removed.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const profileDir = flags.profile === undefined ? undefined : resolve(flags.profile);
  if (profileDir !== undefined) mkdirSync(profileDir, { recursive: true });
  using bench = new Bench({ quick: flags.quick, profileDir });
  const measured: Measured[] = [];
  const failed: string[] = [];
  for (const row of ROWS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const begun = performance.now();
    try {
      measured.push({ row: row.name, lines: await row.measure(bench) });
    } catch (error) {
      failed.push(row.name);
      console.error(`${row.name}: ${error instanceof Error ? error.stack : error}`);
      continue;
    }
    console.error(`${row.name}: measured in ${((performance.now() - begun) / SECOND).toFixed(0)} s`);
  }
  if (flags.json) printJson(measured, failed);
  else printTable(measured, failed);
  if (failed.length > 0) process.exitCode = 1;
}

function printTable(measured: readonly Measured[], failed: readonly string[]): void {
  const facts = Object.entries(environment()).map(([name, value]) => `${name} ${value}`);
  console.log(`Medians; ${facts.join(', ')}.`);
  if (flags.quick) console.log('A quick run: sizes are a tenth or so, for which the goals are not meant.');
  console.log(`\n${renderTable(measured)}\n`);
  const missed = measured.filter(({ lines }) => lines.some((line) => judge(line).some(({ met }) => !met)));
  if (missed.length > 0) console.log(`Goals missed: ${missed.map(({ row }) => row).join(', ')}.`);
  if (failed.length > 0) console.log(`Not measured, see above: ${failed.join(', ')}.`);
}

function printJson(measured: readonly Measured[], failed: readonly string[]): void {
  const rows = measured.map(({ row, lines }) => ({
    row,
    lines: lines.map(({ goals, ...line }) => ({
      ...line,
      timesBetter: timesBetter(line),
      timesFloor: timesFloor(line),
      goals: judge({ ...line, ...(goals && { goals }) }),
    })),
  }));
  console.log(JSON.stringify({ environment: environment(), quick: flags.quick, rows, failed }, null, 2));
}
