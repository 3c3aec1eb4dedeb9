import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MIB, SECOND } from '../units.ts';

const LINGER_MS = 1 * SECOND;
const LINGER_BYTES = 16 * MIB;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Undefined for an answer without a body. */
  readonly contentType?: string;
  readonly body: string;
}

/**
 * Sends an answer that may come before the end of the request's body. The rest of the body, which may have no end, is
 * not waited for: the connection closes. Not at once though: what arrives on a closed socket makes the kernel send a
 * reset, at which the client may lose the answer before it has read it. So the rest is thrown away for a moment.
 */
export async function sendAnswer(req: IncomingMessage, res: ServerResponse, answer: Answer): Promise<void> {
  // A small body came together with its headers, and the parser is just about to see its end.
  if (!req.complete) await nextTurn();
  if (res.destroyed || res.headersSent) return;
  res.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  if (answer.contentType !== undefined) res.setHeader('Content-Type', answer.contentType);
  res.setHeader('Content-Length', Buffer.byteLength(answer.body));
  if (req.complete) {
    res.end(answer.body);
    return;
  }
  res.setHeader('Connection', 'close');
  // With its length the answer is whole for the client; Node closes the connection when we end it.
  res.write(answer.body);
  await linger(req);
  res.end();
}

/** Throws away what comes, up to the limits or until the client has closed. */
function linger(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const done = (): void => {
      clearTimeout(timer);
      req.off('data', discard).off('end', done).off('close', done);
      req.pause();
      resolve();
    };
    const discard = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > LINGER_BYTES) req.pause();
    };
    const timer = setTimeout(done, LINGER_MS);
    req.on('data', discard).on('end', done).on('close', done);
    req.resume();
  });
}

/** A success that needs no words: no body, and so no type of it. */
export function sendEmpty(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  return sendAnswer(req, res, { status, headers, body: '' });
}

export function sendJson(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  return sendAnswer(req, res, {
    status,
    headers,
    contentType: 'application/json; charset=utf-8',
    body: `${JSON.stringify(value)}\n`,
  });
}

export function sendText(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  return sendAnswer(req, res, {
    status,
    headers,
    contentType: 'text/plain; charset=utf-8',
    body: `${text}\n`,
  });
}
