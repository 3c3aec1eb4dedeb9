import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MINUTE, SECOND } from '../units.ts';
import { DirectoryLock } from './directory-lock.ts';
import { GuardedProcess } from './guarded-process.ts';

const BINARIES = ['redis-server', 'valkey-server'];
const DIRECTORY_PREFIX = 'pushgateway-redis-';
const DIRECTORY_PATTERN = /^pushgateway-redis-[A-Za-z0-9]{6}$/; // what mkdtemp makes of the prefix
const SOCKET_NAME = 'redis.sock';
/** sun_path is 104 bytes on macOS and 108 on Linux, with the final NUL. */
const SOCKET_PATH_MAX_BYTES = 103;
const START_TIMEOUT_MS = 10 * SECOND;
const STOP_GRACE_MS = 5 * SECOND;
/** A younger directory may belong to a server that has not opened its socket yet. */
const STALE_AFTER_MS = MINUTE;

export interface EmbeddedServerOptions {
  /** Name or path of the server to run. Default: `redis-server`, then `valkey-server`, on PATH. */
  readonly binary?: string;
  /**
   * Where it keeps its data, as an append-only file; made if it is not there. Default: nowhere, it starts empty. One
   * server at a time may have it.
   */
  readonly dir?: string;
  /** Redis refuses writes beyond it (`noeviction`). Default: no limit. */
  readonly maxMemoryBytes?: number;
}

/** A private Redis server on a Unix socket that only our user can open. */
export interface EmbeddedServer extends AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  /** Path of the program that runs. */
  readonly binary: string;
  /** Version of Redis, or of Valkey when that is what runs. */
  readonly version: string;
  /** Resolves when the server ends, by `stop` or not, with its exit status (128 + number of the signal). */
  readonly exited: Promise<number>;
  /** The last lines of the server's log, for the report when it ended by itself. */
  readonly log: string;
  /** SIGTERM, then SIGKILL after 5 s; its directory is removed. Resolves when it is gone; may be called again. */
  stop(): Promise<void>;
}

export class EmbeddedServerError extends Error {
  override readonly name = 'EmbeddedServerError';
  readonly code: 'ERR_EMBEDDED_NOT_FOUND' | 'ERR_EMBEDDED_START' | 'ERR_EMBEDDED_DIR';

  constructor(code: EmbeddedServerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Starts the server and resolves once it answers. It leads a session of its own, so that a Ctrl-C in the terminal
 * leaves it running until we have drained, and it ends with us even after `kill -9`. Also removes what a crash of
 * the whole machine, or of the guard, may have left in the temporary directory.
 *
 * @throws {EmbeddedServerError} when there is no server to run, it does not come up within 10 s, or another one has
 * its directory.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const binary = await findBinary(options.binary);
  await removeStaleDirectories();
  const directory = await mkdtemp(join(tmpdir(), DIRECTORY_PREFIX)); // mode 0700
  const socketPath = join(directory, SOCKET_NAME);
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_MAX_BYTES) {
    await rm(directory, { recursive: true });
    throw new EmbeddedServerError(
      'ERR_EMBEDDED_START',
      `the path of the embedded Redis server's socket is longer than ${SOCKET_PATH_MAX_BYTES} bytes: ${socketPath} (set TMPDIR to a shorter directory)`,
    );
  }
  const lock = await lockDirectory(options.dir, socketPath).catch(async (error) => {
    await rm(directory, { recursive: true });
    throw error;
  });
  // biome-ignore format: one setting a line
  const server = await GuardedProcess.spawn(binary, [
    '--port', '0',
    '--unixsocket', socketPath,
    '--unixsocketperm', '700',
    '--dir', options.dir ?? directory,
    '--save', '',
    '--appendonly', options.dir === undefined ? 'no' : 'yes',
    '--appendfsync', 'everysec',
    '--daemonize', 'no',
    '--maxmemory', String(options.maxMemoryBytes ?? 0),
    '--maxmemory-policy', 'noeviction',
  ], { directory });
  const version = await waitUntilUp(server, socketPath);
  if (version === undefined) {
    await server.stop(0);
    await lock?.release();
    throw new EmbeddedServerError(
      'ERR_EMBEDDED_START',
      `the embedded Redis server ${binary} did not start: ${server.output.trim() || 'it said nothing'}`,
    );
  }
  const exited = server.exit();
  const stop = async () => {
    await server.stop(STOP_GRACE_MS);
    await lock?.release();
  };
  return {
    socketPath,
    pid: server.pid,
    binary,
    version,
    exited,
    get log() {
      return server.output;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function lockDirectory(
  dir: string | undefined,
  socketPath: string,
): Promise<DirectoryLock | undefined> {
  if (dir === undefined) return undefined;
  const lock = await DirectoryLock.take(dir, socketPath).catch((error: Error) => {
    throw new EmbeddedServerError(
      'ERR_EMBEDDED_DIR',
      `redis.embedded.dir: got ${JSON.stringify(dir)}, takes a directory that can be written to (${error.message})`,
    );
  });
  if (lock === undefined) {
    throw new EmbeddedServerError(
      'ERR_EMBEDDED_DIR',
      `redis.embedded.dir: got ${JSON.stringify(dir)}, takes a directory that no other gateway has: its Redis is running`,
    );
  }
  return lock;
}

async function findBinary(wanted: string | undefined): Promise<string> {
  for (const name of wanted === undefined ? BINARIES : [wanted]) {
    try {
      const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'command -v -- "$1"', 'find', name]);
      return stdout.trim();
    } catch {
      // The shell says by its status that there is no such program.
    }
  }
  throw new EmbeddedServerError(
    'ERR_EMBEDDED_NOT_FOUND',
    `${wanted === undefined ? 'neither redis-server nor valkey-server is on PATH' : `there is no program ${wanted}`}: ` +
      'install one (apt-get install redis-server, or brew install redis) ' +
      'or use a Redis that runs elsewhere with --redis.endpoint=HOST:PORT',
  );
}

/** The server's version, or undefined when it ended or did not answer in time. */
async function waitUntilUp(server: GuardedProcess, socketPath: string): Promise<string | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (server.running && Date.now() < deadline) {
    const info = await askInfo(socketPath);
    const version = /^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info);
    if (version) return version[1];
    await sleep(10);
  }
  return undefined;
}

/** The answer to `INFO server`, or '' when nothing answers. */
function askInfo(socketPath: string): Promise<string> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(socketPath);
    socket.setEncoding('latin1').setTimeout(SECOND, () => socket.destroy());
    socket.on('connect', () => socket.end('INFO server\r\nQUIT\r\n'));
    socket.on('data', (text: string) => {
      reply += text;
    });
    socket.on('error', () => {}); // not listening yet; 'close' follows
    socket.on('close', () => resolve(reply));
  });
}

/** Directories of ours whose server is gone. Only those of our own user, and never one whose socket still answers. */
async function removeStaleDirectories(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((name) => DIRECTORY_PATTERN.test(name))) {
    const directory = join(tmpdir(), name);
    try {
      const stat = await lstat(directory);
      const ours = stat.isDirectory() && stat.uid === process.getuid?.();
      if (!ours || Date.now() - stat.mtimeMs < STALE_AFTER_MS) continue;
      if (await isDead(join(directory, SOCKET_NAME))) await rm(directory, { recursive: true, force: true });
    } catch {
      // Another gateway was faster, or we may not: nothing that we need.
    }
  }
}

/** True when nobody listens on the socket, or it is not there. In doubt (a full backlog, say) it counts as alive. */
function isDead(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT'),
    );
  });
}
