import { createConnection, type NetConnectOpts, type OnReadOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions as ClientOptions } from 'ioredis';

type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

/**
 * Options of the client library with which its connection reads into memory of ours.
 * @param onread called for each connection that is made: where that reads into
 */
export function readingInto<Options extends ClientOptions>(
  options: Options,
  onread: () => OnReadOpts,
): Options {
  // The library passes what this returns on to node:net or node:tls, and has no other way to say so. It asks for the
  // addresses of other sentinels in the same way, before it asks for that of the master, which it connects to.
  if (options.sentinels)
    return { ...options, natMap: (address: string) => ({ ...parse(address), onread: onread() }) };
  return { ...options, Connector: connectorWith(options, onread) };
}

function parse(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** As the library's own for one server, but for `onread`. */
function connectorWith({ path, host, port, tls }: ClientOptions, onread: () => OnReadOpts) {
  return class extends AbstractConnector {
    constructor(options: unknown) {
      super((options as { disconnectTimeout: number }).disconnectTimeout);
    }

    override async connect(): Promise<Stream> {
      this.connecting = true;
      const address = path === undefined ? { host, port } : { path };
      const options = { ...address, onread: onread() };
      this.stream =
        tls === undefined ? createConnection(options as NetConnectOpts) : connectTls({ ...options, ...tls });
      this.stream.once('error', (error: Error) => {
        this.firstError = error;
      });
      return this.stream;
    }
  };
}
