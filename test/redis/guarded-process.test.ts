import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { isRunning, until } from '../support/processes.ts';

const MODULE = new URL('../../src/redis/guarded-process.ts', import.meta.url).href;

test('pid, output and exit status are those of the command', async () => {
  const script = 'echo "pid $$"; echo "to stderr $1" >&2; exit 7';
  const child = await GuardedProcess.spawn('/bin/sh', ['-c', script, 'sh', `a 'quoted' "word" $HOME`]);
  assert.equal(await child.exit(), 7);
  assert.equal(child.running, false);
  assert.match(child.output, new RegExp(`^pid ${child.pid}$`, 'm'));
  assert.match(child.output, /^to stderr a 'quoted' "word" \$HOME$/m);
  assert.equal(child.signal('SIGTERM'), false);
});

test('a command that does not exist ends with status 127 and says so', async () => {
  const child = await GuardedProcess.spawn('/nowhere/at-all', []);
  assert.equal(await child.exit(), 127);
  assert.match(child.output, /\/nowhere\/at-all.*not found/);
});

test('of much output the end is kept', async () => {
  const child = await GuardedProcess.spawn('/bin/sh', ['-c', 'seq 1 200000']);
  assert.equal(await child.exit(), 0);
  assert.ok(child.output.length <= 16 * 1024);
  assert.ok(child.output.endsWith('\n199999\n200000\n'));
});

test('stop asks first, and kills a process that does not listen', async () => {
  const polite = await GuardedProcess.spawn('/bin/sleep', ['60']);
  assert.equal(await polite.stop(10 * SECOND), 128 + 15);
  const stubborn = await GuardedProcess.spawn('/bin/sh', ['-c', 'trap "" TERM; echo deaf; exec sleep 60']);
  await until(() => stubborn.output.includes('deaf'), 5 * SECOND, 'the signal to be ignored');
  assert.equal(await stubborn.stop(50), 128 + 9);
});

test('a SIGTERM to the guard is passed on', async () => {
  const child = await GuardedProcess.spawn('/bin/sleep', ['60']);
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  process.kill(Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]), 'SIGTERM');
  assert.equal(await child.exit(), 128 + 15);
});

test('a process that is not waited for does not keep ours alive, and ends with it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-guard-'));
  const script = `
    const { GuardedProcess } = await import(${JSON.stringify(MODULE)});
    const child = await GuardedProcess.spawn('/bin/sleep', ['60'], { directory: ${JSON.stringify(directory)} });
    console.log(child.pid);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    { timeout: 20 * SECOND },
  );
  const pid = Number(stdout);
  assert.ok(pid > 1);
  await until(async () => !(await isRunning(pid)), 2 * SECOND, 'the process to end');
  await until(() => !existsSync(directory), 2 * SECOND, 'its directory to go');
});
