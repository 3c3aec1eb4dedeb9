import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { Gateway } from './support/gateway.ts';
import { freeNodePort } from './support/ports.ts';
import { checkMetrics } from './support/prometheus.ts';
import { ingest, scrapeOf } from './support/push.ts';

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
}

function read(name: string): Promise<string> {
  return readFile(pathOf(name), 'utf8');
}

test('the example data is an exposition that promtool has nothing to say about', async () => {
  const data = await read('data.txt');
  assert.deepEqual(await checkMetrics(data), { status: 0, output: '' });
  const families = new Set(Array.from(data.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name));
  const described = new Set(Array.from(data.matchAll(/^# HELP (\S+)/gm), ([, name]) => name));
  assert.deepEqual(described, families);
});

test('Prometheus takes the example configuration', async () => {
  const { stdout } = await promisify(execFile)('promtool', ['check', 'config', pathOf('prometheus.yml')]);
  assert.match(stdout, /SUCCESS/);
});

test('Prometheus among the containers is configured like the one beside them', async () => {
  const compose = parse(await read('docker-compose.yml'));
  const beside = (await read('prometheus.yml')).replaceAll('localhost:', 'gateway:');
  assert.deepEqual(parse(compose.configs.prometheus.content), parse(beside));
});

/** Runs a topology as `make` does, but apart from what a developer has running, and its example with other ports. */
async function runExample(
  t: TestContext,
  name: 'cluster' | 'sentinel',
  ports: readonly number[],
  first: number,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-example-'));
  const script = (...args: string[]) =>
    promisify(execFile)('scripts/start-topology.sh', args, { env: { ...process.env, RUN_DIR: directory } });
  t.after(async () => {
    await script('stop', name);
    await rm(directory, { recursive: true, force: true });
  });
  await script(name, ...ports.map(String));
  const example = (await read(`${name}.yml`)).replace(
    /127\.0\.0\.1:(\d+)/g,
    (_, port) => `127.0.0.1:${ports[0] + Number(port) - first}`,
  );
  const file = join(directory, `${name}.yml`);
  await writeFile(file, example);
  await using gateway = await Gateway.ready({ args: [`--config.file=${file}`] });
  const answer = await ingest(gateway, await read('data.txt'));
  assert.deepEqual([answer.status, answer.errors], [200, []]);
  assert.match(await scrapeOf(gateway), /^backup_last_success_timestamp_seconds/m);
}

// Both wait for servers that find each other.
describe('the examples of more than one server go with those that make starts', { concurrency: true }, () => {
  test('a Cluster', async (t) => {
    await runExample(t, 'cluster', [await freeNodePort(6)], 7000);
  });

  test('Sentinels', async (t) => {
    await runExample(t, 'sentinel', [await freeNodePort(3), await freeNodePort(2)], 26379);
  });
});
