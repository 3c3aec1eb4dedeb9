import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';

/** A connection on which a test says byte by byte what it sends, and sees what comes back. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  #received = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when what was received matches. */
  async until(pattern: RegExp, timeoutMs = 10 * SECOND): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!pattern.test(this.#received)) {
      if (Date.now() > deadline || this.#closed) {
        throw new Error(
          `no ${pattern} in ${JSON.stringify(this.#received)}${this.#closed ? ', closed' : ''}`,
        );
      }
      await sleep(5);
    }
  }

  async untilClosed(timeoutMs = 10 * SECOND): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#closed) {
      if (Date.now() > deadline) throw new Error(`not closed after ${JSON.stringify(this.#received)}`);
      await sleep(5);
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
