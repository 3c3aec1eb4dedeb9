import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Outcome {
  readonly status: number;
  /** What it wrote, errors too. */
  readonly output: string;
}

/** Runs a program to its end with `input` on its standard input. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const child = spawn(command, args, { env: { ...process.env, ...options.env } });
  child.stdin.on('error', () => {}); // it need not read all
  child.stdin.end(options.input ?? '');
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status: status as number, output: out + err };
}
