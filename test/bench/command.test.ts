import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROWS } from '../../bench/rows.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function bench(...args: string[]) {
  return promisify(execFile)('npm', ['run', '--silent', 'bench', '--', ...args], { cwd: ROOT });
}

test('npm run bench -- --list names every row, each once', async () => {
  const { stdout } = await bench('--list');
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  assert.deepEqual(
    names,
    ROWS.map(({ name }) => name),
  );
  assert.equal(new Set(names).size, names.length);
});

test('a row that there is none of is an error, before anything is set up', async () => {
  await assert.rejects(bench('scrape-milion'), { code: 2, stderr: /no such row: scrape-milion/ });
});
