import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** True while a process with this id runs; a zombie that nobody has waited for does not count. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // The state follows the command's name in parentheses, which may itself contain any character.
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return !/\) Z [^)]*$/.test(stat);
}

/** Resolves when the condition holds; rejects with `what` when it still does not after `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(20);
  }
}
