import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

/** Whether V8 has the prototype of strings in the form that it can compile for, after these modules have been loaded. */
function isQuickAfter(...modules: readonly string[]): boolean {
  const imports = modules.map((module) => `await import(${JSON.stringify(module)});`).join('\n');
  const script = `${imports}\nconsole.log(%HasFastProperties(String.prototype));`;
  const args = ['--allow-natives-syntax', '--import', 'tsx', '--input-type=module', '--eval', script];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim() === 'true';
}

const sourceOf = (module: string): string => new URL(`../../src/${module}.ts`, import.meta.url).href;

test('methods of strings can be inlined when the client library has been loaded', () => {
  assert.equal(isQuickAfter(), true);
  assert.equal(isQuickAfter(sourceOf('redis/connection/link')), true);
});

test('and when all is loaded that the main thread or a worker thread needs', () => {
  assert.equal(isQuickAfter(sourceOf('server/assembly')), true);
  const tasks = ['ingest-task', 'push-task'].map((task) => sourceOf(`workers/${task}`));
  assert.equal(isQuickAfter(...tasks), true);
});

test('and of what is built', { skip: process.env['TEST_BUILT'] === undefined && 'nothing was' }, () => {
  const folder = resolve(process.env['TEST_BUILT'] ?? '', 'src');
  const assembly = readdirSync(join(folder, 'server')).filter((name) => /^assembly-\w+\.js$/.test(name));
  // Itself it can only run as a thread of the pool.
  const worker = readFileSync(join(folder, 'workers/worker.js'), 'utf8');
  const shared = [...worker.matchAll(/ from "\.\.\/server\/(chunk-\w+\.js)"/g)].map(([, name]) => name);
  assert.equal(assembly.length, 1);
  assert.ok(shared.length > 0);
  for (const names of [assembly, shared]) {
    assert.equal(isQuickAfter(...names.map((name) => join(folder, 'server', name as string))), true);
  }
});

test('the client library alone prevents that still, or this is not needed any more', () => {
  assert.equal(isQuickAfter('ioredis'), false);
});
