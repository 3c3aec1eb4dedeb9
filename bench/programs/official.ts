import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { freePort } from '../../test/support/ports.ts';
import { answers } from '../clients/answers.ts';
import type { GatewayUnderTest } from './gateway-under-test.ts';

const START_TIMEOUT_MS = 20 * SECOND;

/** The official gateway with its default settings, but without the file that Debian's keeps. */
export class Official implements GatewayUnderTest, AsyncDisposable {
  readonly port: number;
  readonly #process: GuardedProcess;

  private constructor(port: number, process: GuardedProcess) {
    this.port = port;
    this.#process = process;
  }

  static async start(): Promise<Official> {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'pushgateway-bench-official-'));
    const settings = [`--web.listen-address=127.0.0.1:${port}`, '--persistence.file='];
    const official = new Official(
      port,
      await GuardedProcess.spawn('prometheus-pushgateway', settings, { directory }),
    );
    await answers(port, { method: 'GET', path: '/-/ready' }, START_TIMEOUT_MS);
    return official;
  }

  get pid(): number {
    return this.#process.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What it holds is of no use to anybody.
    this.#process.signal('SIGKILL');
    await this.#process.exit();
  }
}
