import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EmbeddedServerError, startEmbeddedServer } from '../../src/redis/embedded-server.ts';
import { MIB, MINUTE, SECOND } from '../../src/units.ts';
import { isRunning, until } from '../support/processes.ts';

const PARENT = fileURLToPath(new URL('./embedded-server-parent.ts', import.meta.url));

// A temporary directory of our own: other test files start embedded servers at the same time.
const TEMPORARY = await mkdtemp(join(tmpdir(), 'pgr-'));
process.env['TMPDIR'] = TEMPORARY;
after(() => rm(TEMPORARY, { recursive: true, force: true }));

async function redisCli(socketPath: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-s', socketPath, '--raw', ...args]);
  return stdout.trimEnd();
}

interface Parent {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly socketPath: string;
  readonly error?: string;
}

/** A process that starts an embedded server, as the leader of a process group so that it can be sent a Ctrl-C. */
async function startParent(context: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Parent> {
  const parent = spawn(process.execPath, ['--import', 'tsx', PARENT], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => parent.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  return { process: parent, ...JSON.parse(line) };
}

/** A directory such as a gateway that was cut off leaves behind. */
async function leftover(context: TestContext, name: string): Promise<string> {
  const directory = join(tmpdir(), name);
  await mkdir(directory, { mode: 0o700 });
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function age(directory: string): Promise<void> {
  const hourAgo = (Date.now() - 60 * MINUTE) / SECOND;
  await utimes(directory, hourAgo, hourAgo);
}

test('an embedded server answers on a socket that only we can open, keeps nothing on disk, and stops', async () => {
  const server = await startEmbeddedServer();
  const directory = dirname(server.socketPath);

  assert.equal(await redisCli(server.socketPath, 'PING'), 'PONG');
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.equal((await stat(server.socketPath)).mode & 0o077, 0);
  assert.match(server.version, /^\d+\.\d+\.\d+/);
  assert.match(server.binary, /^\/.*(redis|valkey)-server$/);
  const info = await redisCli(server.socketPath, 'INFO', 'server');
  assert.match(info, new RegExp(`^process_id:${server.pid}\r?$`, 'm'));
  assert.match(info, /^tcp_port:0\r?$/m);
  assert.equal(await redisCli(server.socketPath, 'CONFIG', 'GET', 'save'), 'save');
  assert.equal(await redisCli(server.socketPath, 'CONFIG', 'GET', 'appendonly'), 'appendonly\nno');

  await server.stop();
  await server.stop();
  assert.equal(await server.exited, 0);
  assert.equal(await isRunning(server.pid), false);
  assert.equal(existsSync(directory), false);
});

test('the memory limit is passed on and makes Redis refuse, not evict', async () => {
  await using server = await startEmbeddedServer({ maxMemoryBytes: 64 * MIB });
  assert.equal(await redisCli(server.socketPath, 'CONFIG', 'GET', 'maxmemory'), `maxmemory\n${64 * MIB}`);
  assert.equal(
    await redisCli(server.socketPath, 'CONFIG', 'GET', 'maxmemory-policy'),
    'maxmemory-policy\nnoeviction',
  );
});

test('with a directory the data outlive the server; no second one gets the directory, and a crash does not keep it', async () => {
  const dir = join(await mkdtemp(join(tmpdir(), 'pushgateway-test-dir-')), 'data');
  try {
    // Stopped in any case: one that runs on would hide what has failed, as the directory is removed under it.
    await using first = await startEmbeddedServer({ dir });
    assert.equal(await redisCli(first.socketPath, 'SET', 'k', 'v'), 'OK');
    await assert.rejects(startEmbeddedServer({ dir }), {
      code: 'ERR_EMBEDDED_DIR',
      message: /^redis\.embedded\.dir: got ".*data", takes a directory that no other gateway has/,
    });
    await first.stop();
    await using second = await startEmbeddedServer({ dir });
    assert.equal(await redisCli(second.socketPath, 'GET', 'k'), 'v');
    process.kill(second.pid, 'SIGKILL');
    await second.exited;
    await using third = await startEmbeddedServer({ dir });
    assert.equal(await redisCli(third.socketPath, 'GET', 'k'), 'v');
    await writeFile(join(dir, 'file'), '');
    await assert.rejects(startEmbeddedServer({ dir: join(dir, 'file') }), { code: 'ERR_EMBEDDED_DIR' });
  } finally {
    await rm(dirname(dir), { recursive: true });
  }
});

test('a server that ends by itself is reported', async () => {
  await using server = await startEmbeddedServer();
  process.kill(server.pid, 'SIGKILL');
  assert.equal(await server.exited, 128 + 9);
  assert.match(server.log, /ready to accept connections/i);
});

test('a server that ignores SIGTERM is killed after five seconds', async () => {
  const server = await startEmbeddedServer();
  process.kill(server.pid, 'SIGSTOP');
  await server.stop();
  assert.equal(await server.exited, 128 + 9);
  assert.equal(existsSync(dirname(server.socketPath)), false);
});

test('after kill -9 of its owner the server is gone within two seconds, its directory with it', async (context) => {
  const parent = await startParent(context);
  assert.equal(await isRunning(parent.pid), true);
  parent.process.kill('SIGKILL');
  await until(async () => !(await isRunning(parent.pid)), 2 * SECOND, 'the server to end');
  await until(() => !existsSync(dirname(parent.socketPath)), 2 * SECOND, 'its directory to go');
});

test('a stopped server goes as well when its owner is killed', async (context) => {
  const parent = await startParent(context);
  process.kill(parent.pid, 'SIGSTOP');
  parent.process.kill('SIGKILL');
  await until(async () => !(await isRunning(parent.pid)), 2 * SECOND, 'the server to end');
});

test('Ctrl-C in the terminal reaches the owner, not the server, which runs until the owner stops it', async (context) => {
  const parent = await startParent(context);
  const exited = once(parent.process, 'exit');
  process.kill(-(parent.process.pid as number), 'SIGINT');
  await sleep(100);
  assert.equal(await redisCli(parent.socketPath, 'PING'), 'PONG');
  assert.deepEqual(await exited, [0, null]);
  assert.equal(await isRunning(parent.pid), false);
});

test('a missing server is an error that says what to install or to set instead', async (context) => {
  const path = await mkdtemp(join(tmpdir(), 'pushgateway-test-empty-'));
  context.after(() => rm(path, { recursive: true }));
  const { error } = await startParent(context, { PATH: path });
  assert.match(error as string, /^EmbeddedServerError: neither redis-server nor valkey-server is on PATH/);
  assert.match(
    error as string,
    /apt-get install redis-server.*brew install redis.*--redis\.endpoint=HOST:PORT/,
  );

  await assert.rejects(startEmbeddedServer({ binary: '/nowhere/redis-server' }), (error: unknown) => {
    assert.ok(error instanceof EmbeddedServerError);
    assert.equal(error.code, 'ERR_EMBEDDED_NOT_FOUND');
    assert.match(error.message, /there is no program \/nowhere\/redis-server/);
    return true;
  });
});

test('a server that does not come up is an error with what it said, and leaves nothing behind', async () => {
  const before = await readdir(TEMPORARY);
  await assert.rejects(startEmbeddedServer({ binary: 'cat' }), (error: unknown) => {
    assert.ok(error instanceof EmbeddedServerError);
    assert.equal(error.code, 'ERR_EMBEDDED_START');
    assert.match(error.message, /did not start: .*unrecognized option/);
    return true;
  });
  assert.deepEqual(await readdir(TEMPORARY), before);
});

test('a start removes the directories of dead servers, and no others', async (context) => {
  const withoutSocket = await leftover(context, 'pushgateway-redis-dead01');
  await age(withoutSocket);

  const deadSocket = await leftover(context, 'pushgateway-redis-dead02');
  const killed = spawn(
    process.execPath,
    [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(join(deadSocket, 'redis.sock'))}, () => console.log())`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  assert.equal(existsSync(join(deadSocket, 'redis.sock')), true);
  await age(deadSocket);

  const young = await leftover(context, 'pushgateway-redis-young1');

  const living = await leftover(context, 'pushgateway-redis-alive1');
  const listener = createServer().listen(join(living, 'redis.sock'));
  context.after(() => listener.close());
  await once(listener, 'listening');
  await age(living);

  const foreign = await leftover(context, 'pushgateway-redis-not-ours');
  await age(foreign);

  await using _server = await startEmbeddedServer();
  assert.equal(existsSync(withoutSocket), false, 'no socket');
  assert.equal(existsSync(deadSocket), false, 'dead socket');
  assert.equal(existsSync(young), true, 'may be starting');
  assert.equal(existsSync(living), true, 'answers');
  assert.equal(existsSync(foreign), true, 'another name');
});
