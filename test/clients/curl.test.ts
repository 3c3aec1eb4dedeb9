import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pushedSeries } from '../compat/pushed-series.ts';
import { exchange } from '../compat/raw-exchange.ts';
import { IS_OFFICIAL, Target } from '../compat/target.ts';
import { type Outcome, runProgram } from './run-program.ts';

let target: Target;
let directory: string;

before(async () => {
  target = await Target.start();
  directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-curl-'));
});
after(async () => {
  await target[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The status and the body, as curl prints them. */
function curl(job: string, args: readonly string[], input: string | Buffer = ''): Promise<Outcome> {
  const url = `${target.url}/metrics/job/${job}`;
  return runProgram('curl', ['--silent', '--show-error', '--write-out', '%{http_code}', ...args, url], {
    input,
  });
}

async function shown(job: string): Promise<number | undefined> {
  const { body } = await exchange(target.port, { method: 'GET', path: '/metrics' });
  return pushedSeries(body.toString()).series.get(`m{instance="",job="${job}"}`);
}

const STORED = { status: 0, output: '200' };

test('curl --data-binary from standard input, which sends a form', async () => {
  assert.deepEqual(await curl('stdin', ['--data-binary', '@-'], '# TYPE m gauge\nm 1\n'), STORED);
  assert.equal(await shown('stdin'), 1);
  assert.deepEqual(
    await curl('stdin', ['--data-binary', '@-', '-X', 'PUT'], '# TYPE m gauge\nm 2\n'),
    STORED,
  );
  assert.equal(await shown('stdin'), 2);
  assert.deepEqual(await curl('stdin', ['-X', 'DELETE']), { status: 0, output: '202' });
  assert.equal(await shown('stdin'), undefined);
});

test('curl -d with a line that has no end', { skip: IS_OFFICIAL && 'refused there' }, async () => {
  assert.deepEqual(await curl('line', ['-d', '# TYPE m gauge\nm 3']), STORED);
  assert.equal(await shown('line'), 3);
});

test('curl -T with a file, and with standard input in chunks', async () => {
  const file = join(directory, 'body.txt');
  await writeFile(file, '# TYPE m gauge\nm 4\n');
  assert.deepEqual(await curl('file', ['-T', file]), STORED);
  assert.equal(await shown('file'), 4);
  assert.deepEqual(await curl('chunked', ['-T', '-'], '# TYPE m gauge\nm 5\n'), STORED);
  assert.equal(await shown('chunked'), 5);
});

test('curl waits for 100 Continue before a large body', async () => {
  const body = `# TYPE m gauge\n${`# ${'x'.repeat(997)}\n`.repeat(2048)}m 6\n`;
  const { status, output } = await curl('large', ['--verbose', '--data-binary', '@-'], body);
  assert.equal(status, 0, output);
  assert.match(output, /< HTTP\/1\.1 100 Continue/);
  assert.equal(await shown('large'), 6);
});

test('curl with a body in gzip', async () => {
  const args = ['--data-binary', '@-', '-H', 'Content-Encoding: gzip'];
  assert.deepEqual(await curl('gzip', args, gzipSync('# TYPE m gauge\nm 7\n')), STORED);
  assert.equal(await shown('gzip'), 7);
});

test('curl shows why a push was refused', async () => {
  const { status, output } = await curl('bad', ['--data-binary', '@-'], 'm{ 1\n');
  assert.equal(status, 0);
  assert.match(output, /^.*line 1: .*\n400$/s);
});
