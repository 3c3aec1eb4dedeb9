import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the kernel's ephemeral range (32768 and up): there, a client that reconnects to a server that is down may be
// given the server's own port as its source, connect to itself, and keep the server from coming back.
const FIRST_PORT = 12_000;
const PORT_COUNT = 20_000;
const BUS_OFFSET = 10_000;

/**
 * A TCP port that is free on the loopback interface, and that no other test process is given until this one ends: also
 * while nothing listens on it, as when a server is to come back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (await reserve(port)) return port;
  }
}

/** The first of so many ports in a row for nodes of a Cluster, whose bus listens on the port 10,000 above it. */
export async function freeNodePort(count = 1): Promise<number> {
  for (;;) {
    const first = FIRST_PORT + Math.floor(Math.random() * (PORT_COUNT - BUS_OFFSET - count + 1));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (await reserveAll([...ports, ...ports.map((port) => port + BUS_OFFSET)])) return first;
  }
}

/** What was reserved before one that is not free stays so: there are many. */
async function reserveAll(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    if (!(await reserve(port))) return false;
  }
  return true;
}

/**
 * Who holds the UDP port of the same number has reserved the TCP port. Nothing else uses UDP, and the kernel gives the
 * port back however the process ends.
 */
async function reserve(port: number): Promise<boolean> {
  const lock = createSocket('udp4');
  try {
    lock.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(lock, 'listening');
  } catch {
    lock.close();
    return false;
  }
  lock.unref();
  if (await isFree(port)) return true;
  lock.close();
  return false;
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
