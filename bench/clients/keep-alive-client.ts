import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: Buffer;
}

export interface Answer {
  readonly status: number;
  /** What it says, if it is not a 2xx. */
  readonly text: string;
}

/**
 * One request after the other over one connection. It looks at no more of an answer than its status and its end, so
 * that the client takes little of the machine from what is measured.
 */
export class KeepAliveClient implements Disposable {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #answered: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  /** Why there will be no more answers. */
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed before the answer')));
  }

  static async connect(port: number): Promise<KeepAliveClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new KeepAliveClient(socket);
  }

  /** Resolves when the answer is there to its end. */
  send({ method, path, body }: Request): Promise<Answer> {
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
    const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#answered = { resolve, reject };
      this.#socket.cork();
      this.#socket.write(`${head}${length}\r\n`, 'latin1');
      if (body !== undefined) this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  [Symbol.dispose](): void {
    this.#answered = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const bodyStart = headEnd + HEAD_END.length;
    const whole =
      length === undefined
        ? this.#received.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
        : this.#received.length >= bodyStart + Number(length);
    if (!whole) return;
    const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    const text = isSuccess(status) ? '' : this.#received.toString('utf8', bodyStart);
    this.#received = Buffer.alloc(0);
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.resolve({ status, text });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#answered?.reject(error);
    this.#answered = undefined;
  }
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}
