import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { KIB } from '../units.ts';

const OUTPUT_KEPT_BYTES = 16 * KIB;

/**
 * The shell between us and the child. It holds the read end of a pipe whose write end only our process has; the kernel
 * closes that end however we die, so end-of-file is the one signal that a `kill -9` cannot suppress. SIGKILL at once:
 * the children kept here have nothing to save, and one that is stopped would never see a SIGTERM.
 *
 * $1 is a directory to remove when the child is gone (or empty), the rest is the command. The child's pid goes to fd 3.
 * The guard leads a session of its own (`detached`), so that a Ctrl-C in the terminal reaches neither of the two. It
 * gives up our output pipes: when we are gone, its notice that the child was killed would end it by SIGPIPE.
 */
const GUARD = `
directory=$1
shift
exec 4<&0
trap 'kill -TERM "$child" 2>/dev/null' TERM
trap '' HUP INT
"$@" </dev/null 3>&- 4<&- &
child=$!
(trap - TERM; read -r _ <&4; kill -KILL "$child") >/dev/null 2>&1 3>&- &
watcher=$!
exec 4<&- </dev/null >/dev/null 2>&1
echo "$child" >&3
exec 3>&-
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
kill -KILL "$watcher" 2>/dev/null
[ -z "$directory" ] || rm -rf -- "$directory"
exit "$status"
`;

export interface GuardedProcessOptions {
  /** Removed, with what is in it, once the process is gone. */
  readonly directory?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A child process that cannot outlive us, not even after `kill -9`. */
export class GuardedProcess {
  /** The command's own pid, not the guard's. */
  readonly pid: number;
  readonly #guard: ChildProcess;
  readonly #exited: Promise<number>;
  readonly #output: () => string;
  #running = true;

  private constructor(guard: ChildProcess, exited: Promise<number>, pid: number, output: () => string) {
    this.pid = pid;
    this.#exited = exited.then((status) => {
      this.#running = false;
      return status;
    });
    this.#guard = guard;
    this.#output = output;
  }

  /**
   * Starts `command`, which keeps its standard output and error apart from ours (see `output`). Only `exit` and
   * `stop` keep our event loop alive for it. A command that cannot be executed shows as exit status 126 or 127.
   */
  static async spawn(
    command: string,
    args: readonly string[],
    options: GuardedProcessOptions = {},
  ): Promise<GuardedProcess> {
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', options.directory ?? '', command, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      ...(options.env ? { env: options.env } : {}),
    });
    const exited = once(guard, 'close').then(([code]: (number | null)[]) => code ?? 128);
    exited.catch(() => {}); // a failed spawn is reported through the pid below
    const output = keepTail(guard);
    const report = guard.stdio[3] as Socket;
    let pid = '';
    for await (const chunk of report) pid += chunk;
    if (!/^\d+\n$/.test(pid)) {
      await exited; // rejects when /bin/sh itself could not be started
      throw new Error(`the guard of ${command} ended before it started it: ${output()}`);
    }
    const started = new GuardedProcess(guard, exited, Number(pid), output);
    for (const handle of started.#handles()) handle.unref();
    return started;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The last 16 KiB of what the process wrote to standard output and error. */
  get output(): string {
    return this.#output();
  }

  /** Sends a signal; false when the process is gone. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.#running) return false;
    try {
      return process.kill(this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }

  /** Resolves, when the process ends, with its status as a shell has it: 128 + signal number when a signal ended it. */
  exit(): Promise<number> {
    for (const handle of this.#handles()) handle.ref();
    return this.#exited;
  }

  /** SIGTERM, and SIGKILL when the process is still there after `graceMs`. Resolves with its exit status. */
  async stop(graceMs: number): Promise<number> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.#guard.stdin?.destroy(), graceMs);
    try {
      return await this.exit();
    } finally {
      clearTimeout(timer);
    }
  }

  #handles(): { ref(): unknown; unref(): unknown }[] {
    const { stdin, stdout, stderr } = this.#guard;
    return [this.#guard, stdin as Socket, stdout as Socket, stderr as Socket];
  }
}

function keepTail(child: ChildProcess): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-OUTPUT_KEPT_BYTES);
    });
  }
  return () => tail;
}
