import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SECOND } from '../../src/units.ts';

const LIBRARY = 'faketime/libfaketime.so.1';

/**
 * What stands before a command so that its process sees a clock which is ahead of ours, or behind. Undefined where
 * libfaketime (Debian: libfaketime) is not installed.
 */
export async function steppedClock(offsetMs: number): Promise<string[] | undefined> {
  const [faketime, libc] = await Promise.all([findFaketime(), findLibc()]);
  if (faketime === undefined || libc === undefined) return undefined;
  const sign = offsetMs < 0 ? '' : '+';
  return [
    'env',
    // The C library before jemalloc, which asks for the time as it starts and so would wait for itself in libfaketime.
    `LD_PRELOAD=${faketime}:${libc}`,
    `FAKETIME=${sign}${offsetMs / SECOND}s`,
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
  ];
}

export async function clocksCanBeStepped(): Promise<boolean> {
  return (await steppedClock(0)) !== undefined;
}

async function findFaketime(): Promise<string | undefined> {
  const directories = ['/usr/lib64', '/usr/local/lib', '/usr/lib'];
  const names = await readdir('/usr/lib').catch(() => [] as string[]);
  directories.push(...names.filter((name) => name.includes('-linux-')).map((name) => join('/usr/lib', name)));
  for (const directory of directories) {
    const path = join(directory, LIBRARY);
    if (await stat(path).catch(() => undefined)) return path;
  }
  return undefined;
}

/** The one that this process uses, too. */
async function findLibc(): Promise<string | undefined> {
  const maps = await readFile('/proc/self/maps', 'latin1').catch(() => '');
  return /(\/\S*\/libc\.so\.6)$/m.exec(maps)?.[1];
}
