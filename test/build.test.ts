import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SECOND } from '../src/units.ts';
import { freePort } from './support/ports.ts';
import { until } from './support/processes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

test('what is built runs by itself: version, health check, a push and a scrape', async (context) => {
  // Within the project, where node finds the dependencies.
  await mkdir(join(ROOT, '.run'), { recursive: true });
  const output = await mkdtemp(join(ROOT, '.run/build-test-'));
  context.after(() => rm(output, { recursive: true, force: true }));
  await run('npx', ['tsx', 'scripts/build.ts', output], { cwd: ROOT });
  const program = join(output, 'pushgateway'); // linked, as npm links a program
  await symlink('src/server/main.js', program);

  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  assert.match(
    (await run(program, ['--version'])).stdout,
    new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`),
  );

  const port = await freePort();
  const flags = [`--port=${port}`, '--host=127.0.0.1'];
  const gateway = spawn(program, [...flags, '--redis.endpoint=embedded'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  context.after(() => gateway.kill('SIGKILL'));
  let log = '';
  gateway.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const origin = `http://127.0.0.1:${port}`;
  const ready = async () => {
    assert.equal(gateway.exitCode, null, log);
    const response = await fetch(`${origin}/-/ready`).catch(() => undefined);
    return response?.status === 200;
  };
  await until(ready, 20 * SECOND, 'the gateway to be ready');
  await run(program, [...flags, '--check-health']);

  const data = await readFile(join(ROOT, 'examples/data.txt'), 'utf8');
  const samples = data.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  const pushed = await fetch(`${origin}/ingest`, { method: 'POST', body: data });
  assert.deepEqual(await pushed.json(), { accepted: samples, rejected: 0, errors: [] });
  const scraped = await (await fetch(`${origin}/metrics`)).text();
  assert.equal(scraped.split('\n').filter((line) => /^[^#]/.test(line)).length, samples);

  const exited = once(gateway, 'exit');
  gateway.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
  await assert.rejects(run(program, [...flags, '--check-health']));
});
