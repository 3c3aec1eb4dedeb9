import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../units.ts';

const LOCK_NAME = 'pushgateway-redis.lock';
/** A server whose gateway was killed goes a moment later. */
const PATIENCE_MS = 4 * SECOND;
/** A younger lock may belong to a server that has not opened its socket yet. */
const STARTING_MS = 15 * SECOND;

/**
 * Keeps a directory for one server: a file in it that names the server's socket. It counts as long as somebody answers
 * there, so that what a crash leaves behind is no obstacle. It does not reach from one container to another.
 */
export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the directory if it is not there. Returns undefined if another server has it. */
  static async take(directory: string, socketPath: string): Promise<DirectoryLock | undefined> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, LOCK_NAME);
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(`${process.pid}\n${socketPath}\n`);
        await file.close();
        return new DirectoryLock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      if (!(await isHeld(path))) await rm(path, { force: true });
      else if (performance.now() > until) return undefined;
      else await sleep(100);
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

async function isHeld(path: string): Promise<boolean> {
  const [text, made] = await Promise.all([
    readFile(path, 'utf8').catch(() => ''),
    stat(path).catch(() => undefined),
  ]);
  const [pid, socketPath] = text.split('\n');
  if (socketPath && (await answers(socketPath))) return true;
  const isYoung = made !== undefined && Date.now() - made.mtimeMs < STARTING_MS;
  // In a container every gateway has the same pid: what has ours is of one before us.
  return isYoung && Number(pid) !== process.pid && isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Somebody listens on the socket. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}
