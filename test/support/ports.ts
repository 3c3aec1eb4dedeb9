import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the kernel's ephemeral range (32768 and up): there, a client that reconnects to a server that is down may be
// given the server's own port as its source, connect to itself, and keep the server from coming back.
const FIRST_PORT = 12_000;
const PORT_COUNT = 20_000;
const BUS_OFFSET = 10_000;

/** A TCP port that is free on the loopback interface at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (await isFree(port)) return port;
  }
}

/** A free port for a node of a Cluster, whose bus listens on the port 10,000 above it. */
export async function freeNodePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (PORT_COUNT - BUS_OFFSET));
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
