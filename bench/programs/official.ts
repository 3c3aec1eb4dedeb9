import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { freePort } from '../../test/support/ports.ts';
import { answers } from '../clients/answers.ts';
import type { GatewayUnderTest } from './gateway-under-test.ts';

export const OFFICIAL_PROGRAM = 'prometheus-pushgateway';

const START_TIMEOUT_MS = 20 * SECOND;

/** Its default settings, but without the file that Debian's keeps. */
export function officialFlags(port: number): string[] {
  return [`--web.listen-address=127.0.0.1:${port}`, '--persistence.file='];
}

/** The official gateway, with nothing in it. */
export class Official implements GatewayUnderTest, AsyncDisposable {
  readonly port: number;
  readonly #process: GuardedProcess;

  private constructor(port: number, process: GuardedProcess) {
    this.port = port;
    this.#process = process;
  }

  static async start(): Promise<Official> {
    const port = await freePort();
    const official = new Official(port, await GuardedProcess.spawn(OFFICIAL_PROGRAM, officialFlags(port)));
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
