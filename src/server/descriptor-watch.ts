import { open } from 'node:fs/promises';
import { SECOND } from '../units.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';

const CHECK_INTERVAL_MS = 1 * SECOND;

/**
 * Tells when there is no file descriptor left for a connection. Neither Node.js nor its events do: libuv keeps one
 * descriptor in reserve, with which it accepts and closes at once what it cannot hold
 * (https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c, uv__emfile_trick). So it is tried whether something can
 * be opened. What is short between two tries goes unseen.
 */
export class DescriptorWatch {
  readonly #log: Logger;
  readonly #throttle = new LogThrottle();
  readonly #timer: NodeJS.Timeout;
  #said: 'enough' | 'none' = 'enough';
  #trying = false;

  constructor(log: Logger) {
    this.#log = log;
    this.#timer = setInterval(() => void this.#check(), CHECK_INTERVAL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    if (this.#trying) return;
    this.#trying = true;
    try {
      const handle = await open('/dev/null');
      await handle.close();
      if (this.#said === 'none') this.#log.info('there are file descriptors again');
      this.#said = 'enough';
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
    } finally {
      this.#trying = false;
    }
  }

  #failed(err: NodeJS.ErrnoException): void {
    if (err.code !== 'EMFILE' && err.code !== 'ENFILE') return;
    const suppressed = this.#throttle.pass(err.code);
    if (suppressed === undefined) return;
    this.#said = 'none';
    this.#log.warn(
      { code: err.code, suppressed },
      'no file descriptor is left: new connections are closed unanswered; raise the limit of open files (ulimit -n)',
    );
  }
}
