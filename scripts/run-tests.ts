/**
 * Runs test files beside each other: `run-tests.ts [suite…] [file…]`; without any, all of all suites. What a file prints
 * is kept, and shown at the end if something in it failed. TEST_JOBS says how many files run at a time.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { MINUTE, SECOND } from '../src/units.ts';
import { bundle } from './bundle.ts';

interface Job {
  readonly file: string;
  readonly topology: 'server' | 'cluster' | 'sentinel';
  /** All values of the storage take the way of large ones, or of those that are many and small. */
  readonly values?: 'apart' | 'shelved';
}

interface Result extends Job {
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Of one file. */
const TIMEOUT_MS = 10 * MINUTE;
/** What a test process that does not end still does: written to its standard error. */
const REPORT_FLAGS = ['--report-on-signal', '--report-signal=SIGUSR2', '--report-filename=stderr'];
const REPORT_MS = 3 * SECOND;
/** Most files wait for servers more than they compute. */
const JOBS = Number(process.env['TEST_JOBS'] || Math.min(8, 2 * availableParallelism()));
/** On the topologies that take longer, if not set. */
const PROPERTY_RUNS = '40';
/** They take longest, so they start first and the shorter ones fill up the end. */
const LONGEST = ['test/faults/', 'test/property/', 'test/compat/'];

/** What of the storage a Cluster makes different where values come apart. */
const CLUSTER_APART = ['test/redis/order.test.ts', 'test/redis/groups.test.ts'];

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name))
  .sort();
const faults = files.filter((file) => file.startsWith('test/faults/'));
const others = files.filter((file) => !faults.includes(file));
const storage = others.filter((file) => /\b(useStorage|startTopology)\b/.test(readFileSync(file, 'utf8')));
const on = (topology: Job['topology'], names: readonly string[], values?: Job['values']): Job[] =>
  names.map((file) => ({ file, topology, ...(values && { values }) }));
const ofStorage = storage.filter((file) => /^test\/(redis|property)\//.test(file));

const SUITES: Readonly<Record<string, readonly Job[]>> = {
  faults: on('server', faults),
  cluster: on('cluster', storage),
  sentinel: on('sentinel', storage),
  apart: on('server', ofStorage, 'apart'),
  shelved: on('server', ofStorage, 'shelved'),
  'cluster-apart': on(
    'cluster',
    storage.filter((file) => CLUSTER_APART.includes(file)),
    'apart',
  ),
  server: on('server', others),
};

function rank({ file }: Job): number {
  const at = LONGEST.findIndex((start) => file.startsWith(start));
  return at === -1 ? LONGEST.length : at;
}

/** What finds its place by `import.meta.url` finds that of the source. */
const sourceUrls: Plugin = {
  name: 'source-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      // The program finds its files by the place of what is built.
      if (!/^(test|bench)\//.test(relative(ROOT, path))) return undefined;
      const url = JSON.stringify(pathToFileURL(path));
      return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
    });
  },
};

/** What is made of a file, without its extension. */
function outputOf(file: string): string {
  return `src/test/${file.slice('test/'.length, -'.ts'.length).replaceAll('/', '.')}`;
}

/**
 * The program and the tests, which would take seconds to start from source, into a folder of its own: what is built
 * meanwhile does not matter. Within the project, where node finds dependencies.
 */
async function build(tests: readonly string[]): Promise<string> {
  mkdirSync('.run', { recursive: true });
  const folder = mkdtempSync('.run/test-build-');
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  execFileSync('npx', ['tsx', 'scripts/build.ts', folder], { stdio: 'inherit' });
  const entryPoints = Object.fromEntries(tests.map((file) => [outputOf(file), file]));
  await bundle({ root: ROOT, entryPoints, outdir: folder, plugins: [sourceUrls] });
  return folder;
}

const running = new Set<ChildProcess>();

async function run(job: Job): Promise<Result> {
  const began = performance.now();
  const ours = {
    ...((job.topology !== 'server' || job.values) && { PROPERTY_RUNS }),
    ...(job.values && { TEST_VALUES: job.values }),
  };
  const program = join(built, `${outputOf(job.file)}.js`);
  const flags = ['--enable-source-maps', '--test-reporter=spec', ...REPORT_FLAGS];
  const child = spawn(process.execPath, [...flags, program], {
    env: { ...ours, ...process.env, TEST_TOPOLOGY: job.topology, TEST_BUILT: built },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(async () => {
    output += `\nstill running after ${TIMEOUT_MS / SECOND} s, with this under way:\n`;
    child.kill('SIGUSR2');
    await sleep(REPORT_MS);
    child.kill('SIGKILL');
  }, TIMEOUT_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  running.delete(child);
  return { ...job, passed: status === 0, seconds: (performance.now() - began) / SECOND, output };
}

/** Of a file's summary. */
function count(results: readonly Result[], what: string): number {
  const pattern = new RegExp(`^ℹ ${what} (\\d+)$`, 'm');
  return results.reduce((sum, { output }) => sum + Number(pattern.exec(output)?.[1] ?? 0), 0);
}

function titleOf({ file, topology, values }: Job): string {
  const how = [topology === 'server' ? '' : topology, values && `values ${values}`].filter(Boolean);
  return how.length === 0 ? file : `${file} (${how.join(', ')})`;
}

const wanted = process.argv.slice(2);
const suites = wanted.filter((name) => Object.hasOwn(SUITES, name));
const paths = wanted.filter((name) => !suites.includes(name));
const unknown = paths.filter((path) => !files.includes(path));
if (unknown.length > 0) {
  console.error(`neither a suite (${Object.keys(SUITES).join(', ')}) nor a test file: ${unknown.join(', ')}`);
  process.exit(2);
}
const queue = (suites.length > 0 ? suites : Object.keys(SUITES))
  .flatMap((name) => SUITES[name])
  .filter(({ file }) => paths.length === 0 || paths.includes(file))
  .sort((a, b) => rank(a) - rank(b));
if (queue.length === 0) {
  console.error('none of these files belongs to these suites');
  process.exit(2);
}

const began = performance.now();
const built = await build([...new Set(queue.map(({ file }) => file))]);
const results: Result[] = [];

function report(): void {
  const failed = results.filter(({ passed }) => !passed);
  for (const result of failed) console.log(`\n✖ ${titleOf(result)}\n\n${result.output.trimEnd()}`);
  const minutes = ((performance.now() - began) / MINUTE).toFixed(1);
  console.log(
    `\n${results.length} files, ${count(results, 'pass')} tests passed, ${count(results, 'fail')} failed, ` +
      `${count(results, 'skipped')} skipped, in ${minutes} min`,
  );
  for (const result of failed) console.log(`✖ ${titleOf(result)}`);
  if (failed.length > 0) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    report();
    console.log(`ended by ${signal} before all had run`);
    for (const child of running) child.kill('SIGKILL');
    process.exit(1);
  });
}

await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const result = await run(job);
      results.push(result);
      console.log(`${result.passed ? '✔' : '✖'} ${titleOf(job)} ${result.seconds.toFixed(1)} s`);
    }
  }),
);
report();
