import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';

/**
 * Requests that come on a connection before the answer to the one before (HTTP/1.1 pipelining) are begun in their order,
 * one after the other. Node begins them all at once, and only answers in order: of two pushes to a group, the first could
 * come last.
 */
export function oneAtATime(): RequestHandler {
  /** The end of the last answer that is still to come. */
  const last = new WeakMap<Socket, Promise<void>>();
  return (req, res, next) => {
    const { socket } = req;
    const before = last.get(socket);
    const end = new Promise<void>((resolve) => res.once('close', resolve));
    last.set(socket, end);
    void end.then(() => {
      if (last.get(socket) === end) last.delete(socket);
    });
    if (before === undefined) next();
    // When the connection has gone, nobody is told what becomes of the rest: it is not begun.
    else void before.then(() => socket.destroyed || next());
  };
}
