import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { MIB } from '../../src/units.ts';
import type { LoadResult } from './load.ts';
import type { PusherOptions } from './pusher.ts';

const PROGRAM = '.run/bench/pusher.js';

/** Makes one file of the program, so that nothing that reads TypeScript runs beside it. */
export function buildPusher(): void {
  const flags = [
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--log-level=warning',
    `--outfile=${PROGRAM}`,
  ];
  execFileSync('npx', ['esbuild', 'bench/clients/pusher.ts', ...flags], { stdio: ['ignore', 2, 2] });
}

/** Sends the same push over and over, from a process that does nothing else. Any answer but 2xx is an error. */
export async function pushApart(options: PusherOptions): Promise<LoadResult> {
  const args = [PROGRAM, JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * MIB });
  return JSON.parse(stdout) as LoadResult;
}
