import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { checkMetrics } from './support/prometheus.ts';

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
