import { readFile } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { KIB, SECOND } from '../units.ts';
import { StartError } from './errors.ts';
import type { MessageClasses } from './message-classes.ts';

const HEADERS_TIMEOUT_MS = 10 * SECOND;
const CHECK_INTERVAL_MS = 5 * SECOND;
// Longer than the idle timeout of usual load balancers (60 s), or they would meet connections that are just closing.
const KEEP_ALIVE_TIMEOUT_MS = 65 * SECOND;
const MAX_HEADER_BYTES = 64 * KIB;
const TLS_HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
const CLOSE_POLL_MS = 20;
/** A connection without a request is closed so long after the gateway was told to stop: one may be on its way. */
const UNUSED_GRACE_MS = 500;

/** Paths of PEM files. */
export interface TlsFiles {
  readonly keyPath: string;
  readonly certPath: string;
}

interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export interface ListenerOptions {
  /** Undefined or empty: all interfaces. */
  readonly host: string | undefined;
  /** 0: any that is free. */
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  /** Default: those of Node. */
  readonly messages?: MessageClasses;
  /** An error of the server itself while it runs. */
  onError(error: Error): void;
}

/** The HTTP or HTTPS server. */
export class Listener {
  readonly #server: Server;
  /** Connections that have not brought a request yet. For Node these are not idle. */
  readonly #unused: ReadonlySet<Socket>;
  /** Undefined: plain HTTP. */
  #certificate: Certificate | undefined;

  private constructor(server: Server, unused: ReadonlySet<Socket>, certificate: Certificate | undefined) {
    this.#server = server;
    this.#unused = unused;
    this.#certificate = certificate;
  }

  /** Resolves once it accepts connections. Throws StartError with one line for the operator. */
  static async open(options: ListenerOptions, handle: RequestListener): Promise<Listener> {
    const certificate = options.tls && (await readCertificate(options.tls));
    const server = createServer(certificate, options.messages);
    const unused = new Set<Socket>();
    const onRequest: RequestListener = (req, res) => {
      unused.delete(req.socket);
      handle(req, res);
    };
    server.on('request', onRequest);
    // The handler itself sends the 100, once it knows that it wants the body.
    server.on('checkContinue', onRequest);
    server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      unused.add(socket);
      socket.once('close', () => unused.delete(socket));
    });
    await listen(server, options);
    server.on('error', options.onError);
    return new Listener(server, unused, certificate);
  }

  get tls(): boolean {
    return this.#certificate !== undefined;
  }

  /**
   * Reads key and certificate anew, for the connections from now on. False if they are the same as before. Throws
   * StartError; then nothing has changed.
   */
  async renewCertificate(files: TlsFiles): Promise<boolean> {
    const before = this.#certificate;
    const certificate = await readCertificate(files);
    if (before?.key.equals(certificate.key) && before.cert.equals(certificate.cert)) return false;
    try {
      (this.#server as HttpsServer).setSecureContext(certificate);
    } catch (error) {
      throw unusable(error);
    }
    this.#certificate = certificate;
    return true;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `0.0.0.0:9753`, `[::]:9753`. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  }

  /** Host and port by which a client on this machine reaches it. */
  get reachableAt(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    if (address === '0.0.0.0' || address === '::') return `localhost:${port}`;
    return this.address;
  }

  /**
   * Accepts no more connections, closes those that are idle and the others as soon as their answers are sent. Resolves
   * when all are closed; after `timeoutMs` they are cut. Returns how many were cut.
   */
  async close(timeoutMs: number): Promise<number> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const unused = setTimeout(() => {
      for (const socket of this.#unused) socket.destroy();
    }, UNUSED_GRACE_MS);
    const idle = setInterval(() => this.#server.closeIdleConnections(), CLOSE_POLL_MS);
    let cut = 0;
    const deadline = setTimeout(() => {
      this.#server.getConnections((_error, count) => {
        cut = count ?? 0;
        this.#server.closeAllConnections();
      });
    }, timeoutMs);
    await closed;
    clearInterval(idle);
    clearTimeout(unused);
    clearTimeout(deadline);
    return cut;
  }
}

function createServer(certificate: Certificate | undefined, messages: MessageClasses | undefined): Server {
  const http: ServerOptions = {
    ...messages,
    // A push may take as long as it takes; the rate of its bytes is watched instead (ingest.min_rate).
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  if (certificate === undefined) return createHttpServer(http);
  try {
    return createHttpsServer({ ...http, ...certificate, handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS });
  } catch (error) {
    throw unusable(error);
  }
}

async function readCertificate({ keyPath, certPath }: TlsFiles): Promise<Certificate> {
  try {
    const [key, cert] = await Promise.all([readFile(keyPath), readFile(certPath)]);
    return { key, cert };
  } catch (error) {
    throw unusable(error);
  }
}

/** The configuration has found them good, so they have changed since. */
function unusable(error: unknown): StartError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StartError(`tls_key_path and tls_cert_path cannot be used: ${reason}`, { cause: error });
}

async function listen(server: Server, options: ListenerOptions): Promise<void> {
  const host = options.host === '' ? undefined : options.host;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: options.port, ...(host !== undefined && { host }) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw new StartError(listenMessage(error as NodeJS.ErrnoException, host, options.port), { cause: error });
  }
}

function listenMessage(error: NodeJS.ErrnoException, host: string | undefined, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} is taken by another program: choose another with --port`;
    case 'EACCES':
      return `no permission to listen on port ${port}: choose one above 1023 with --port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `host ${host} is not an address of this machine: choose another with --host`;
    default:
      return `cannot listen on port ${port}: ${error.message}`;
  }
}
