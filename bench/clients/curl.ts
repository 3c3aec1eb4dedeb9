import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MINUTE } from '../../src/units.ts';
import type { Body } from '../data/bodies.ts';

const LONGEST_MS = 10 * MINUTE;

export interface Transfer {
  readonly seconds: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface TransferOptions {
  readonly headers?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Sends a file as the body of a request, and reads the answer. It costs the machine far less than a client in Node. */
export function upload(
  method: 'POST' | 'PUT',
  url: string,
  body: Pick<Body, 'file'>,
  { headers = [], signal }: TransferOptions = {},
): Promise<Transfer> {
  // Without Expect there is no second in which a server that does not know it is waited for.
  return transfer(
    ['--request', method, '--upload-file', body.file, ...flags(['Expect:', ...headers]), url],
    signal,
  );
}

export function download(url: string, { headers = [], signal }: TransferOptions = {}): Promise<Transfer> {
  return transfer([...flags(headers), url], signal);
}

function flags(headers: readonly string[]): string[] {
  return headers.flatMap((header) => ['--header', header]);
}

async function transfer(args: readonly string[], signal?: AbortSignal): Promise<Transfer> {
  const form = '%{http_code} %{time_total} %{size_upload} %{size_download}';
  const { stdout } = await promisify(execFile)(
    'curl',
    ['--silent', '--show-error', '--noproxy', '*', '--output', '/dev/null', '--write-out', form, ...args],
    { timeout: LONGEST_MS, killSignal: 'SIGKILL', ...(signal && { signal }) },
  );
  const [status, seconds, sentBytes, receivedBytes] = stdout.split(' ').map(Number);
  if (status < 200 || status > 299) throw new Error(`${args.at(-1)} was answered ${status}`);
  return { seconds, sentBytes, receivedBytes };
}
