import { once } from 'node:events';
import { connect } from 'node:net';
import { SECOND } from '../../src/units.ts';

const TIMEOUT_MS = 10 * SECOND;

export interface RawRequest {
  readonly method: string;
  /** Sent as it is, byte for byte: nothing normalises or encodes it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; of several with one name the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One request on a connection of its own. Rejects when there is no whole answer in ten seconds. */
export async function exchange(port: number, request: RawRequest): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer to ${request.method} ${request.path}`)),
    TIMEOUT_MS,
  );
  try {
    await once(socket, 'connect');
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // A server that refuses early may reset the connection after its answer: the answer counts.
    const closed = new Promise<Error | undefined>((resolve) => {
      let failure: Error | undefined;
      socket.on('error', (error) => {
        failure = error;
      });
      socket.on('close', () => resolve(failure));
    });
    socket.write(bytesOf(request));
    const failure = await closed;
    const answer = parse(Buffer.concat(received), request.method);
    if (answer === undefined)
      throw failure ?? new Error(`half an answer to ${request.method} ${request.path}`);
    return answer;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function bytesOf({ method, path, headers = {}, body = '' }: RawRequest): Buffer {
  const content = Buffer.from(body as string);
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`)];
  if (!names.includes('host')) lines.push('Host: gateway');
  if (!names.includes('connection')) lines.push('Connection: close');
  const hasLength = names.includes('content-length') || names.includes('transfer-encoding');
  if (!hasLength && (content.length > 0 || method === 'PUT' || method === 'POST')) {
    lines.push(`Content-Length: ${content.length}`);
  }
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content]);
}

function parse(bytes: Buffer, method: string): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first, ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  const rest = bytes.subarray(end + 4);
  if (status < 200) return parse(rest, method);
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  if (method === 'HEAD') return { status, headers, body: Buffer.alloc(0) };
  const body = headers['transfer-encoding'] === 'chunked' ? unchunk(rest) : rest;
  const length = headers['content-length'];
  if (body === undefined || (length !== undefined && body.length < Number(length))) return undefined;
  return { status, headers, body };
}

function unchunk(bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const length = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
