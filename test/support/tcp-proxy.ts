import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KIB, SECOND } from '../../src/units.ts';
import { freePort } from './ports.ts';

const HOST = '127.0.0.1';
const HELD_BYTES = 256 * KIB;

/** What goes wrong on the way. Nothing given: nothing. */
export interface Toxics {
  /** Delay of all data, in either direction, and how much it varies up and down. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** In each direction of each connection. */
  readonly bytesPerSecond?: number;
  /** Data goes on in pieces of so many bytes. */
  readonly sliceBytes?: number;
  /** Connections stay, and new ones are made; nothing gets through until this ends. */
  readonly blackHole?: boolean;
  /** Nothing listens, and what was connected is cut. */
  readonly down?: boolean;
  /** All connections are reset once so many bytes more have gone to the server. Happens once. */
  readonly resetAfterBytes?: number;
  /** A connection is closed in order once so many bytes have come from the server. */
  readonly closeAfterBytes?: number;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy on loopback whose network can be made bad and good again while it runs. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  /** When clients have connected, by performance.now(). */
  readonly acceptedAt: number[] = [];
  /** Bytes that have gone to the server so far. */
  sent = 0;
  /** How often connections were reset. */
  cuts = 0;
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  #toxics: Toxics = {};
  #resetAt = Number.POSITIVE_INFINITY;
  #changed = signal();

  private constructor(port: number, listener: Server, targetPort: number) {
    this.port = port;
    this.#listener = listener;
    listener.on('connection', (client) => this.#accept(client, targetPort));
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    // Half open: each side says for itself when it has ended.
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    listener.listen(await freePort(), HOST);
    await once(listener, 'listening');
    return new TcpProxy((listener.address() as { port: number }).port, listener, targetPort);
  }

  /** `127.0.0.1:12345`, as `--redis.endpoint` takes it. */
  get endpoint(): string {
    return `${HOST}:${this.port}`;
  }

  /** Connections that clients have made so far. */
  get accepted(): number {
    return this.acceptedAt.length;
  }

  /** What goes wrong from now on, on connections that exist, too. */
  async set(toxics: Toxics): Promise<void> {
    const wasDown = this.#toxics.down ?? false;
    this.#toxics = toxics;
    this.#resetAt = this.sent + (toxics.resetAfterBytes ?? Number.POSITIVE_INFINITY);
    this.#changed.resolve();
    this.#changed = signal();
    if (toxics.down && !wasDown) {
      this.#listener.close();
      this.cut();
    } else if (!toxics.down && wasDown) {
      this.#listener.listen(this.port, HOST);
      await once(this.#listener, 'listening');
    }
  }

  /** Resets all connections. */
  cut(): void {
    if (this.#links.size > 0) this.cuts++;
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
  }

  #accept(client: Socket, targetPort: number): void {
    this.acceptedAt.push(performance.now());
    const server = connect({ port: targetPort, host: HOST, allowHalfOpen: true, noDelay: true });
    const link = { client, server };
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    void this.#relay(client, server, true);
    void this.#relay(server, client, false);
  }

  async #relay(from: Socket, to: Socket, toServer: boolean): Promise<void> {
    const queue: Array<{ data: Buffer; dueAt: number }> = [];
    let held = 0;
    let came = 0;
    let ended = false;
    let wake = signal();
    from.on('data', (data) => {
      const { latencyMs = 0, jitterMs = 0 } = this.#toxics;
      queue.push({ data, dueAt: performance.now() + latencyMs + jitterMs * (2 * Math.random() - 1) });
      held += data.length;
      if (held > HELD_BYTES) from.pause();
      wake.resolve();
    });
    from.on('end', () => {
      ended = true;
      wake.resolve();
    });
    to.on('close', () => wake.resolve());
    while (!to.destroyed) {
      const next = queue.shift();
      if (next === undefined) {
        if (ended) break;
        wake = signal();
        await wake.promise;
        continue;
      }
      const wait = next.dueAt - performance.now();
      if (wait > 0) await sleep(wait);
      for (let at = 0; at < next.data.length && !to.destroyed; ) {
        while (this.#toxics.blackHole && !to.destroyed) {
          await Promise.race([this.#changed.promise, once(to, 'close')]);
        }
        const { sliceBytes = next.data.length, bytesPerSecond, closeAfterBytes } = this.#toxics;
        // A tenth of a second's worth at a time.
        const most = bytesPerSecond === undefined ? sliceBytes : Math.max(1, Math.floor(bytesPerSecond / 10));
        const reset = toServer ? this.#resetAt - this.sent : Number.POSITIVE_INFINITY;
        const piece = next.data.subarray(at, at + Math.min(sliceBytes, most, reset));
        at += piece.length;
        came += piece.length;
        if (toServer) this.sent += piece.length;
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {});
        if (bytesPerSecond !== undefined) await sleep((piece.length / bytesPerSecond) * SECOND);
        else if (piece.length < next.data.length) await new Promise(setImmediate);
        if (toServer && this.sent >= this.#resetAt) {
          this.#resetAt = Number.POSITIVE_INFINITY;
          this.cut();
        } else if (!toServer && came >= (closeAfterBytes ?? Number.POSITIVE_INFINITY)) to.end();
      }
      held -= next.data.length;
      if (held <= HELD_BYTES) from.resume();
    }
    if (!to.destroyed) to.end();
  }
}

interface Signal {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function signal(): Signal {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
