import { once } from 'node:events';
import type { Request, Response } from 'express';
import { KIB } from '../units.ts';

const CHUNK_CHARACTERS = 64 * KIB;

/**
 * Answers with JSON that comes in pieces, as fast as the client takes it. A failure before the first piece is thrown, and
 * can still be answered; one after it breaks the connection, so that nobody takes a part for the whole.
 */
export async function sendJsonStream(
  req: Request,
  res: Response,
  pieces: AsyncGenerator<string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    let next = await pieces.next();
    signal.throwIfAborted();
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    let waiting = '';
    while (!next.done) {
      waiting += next.value;
      if (waiting.length >= CHUNK_CHARACTERS) {
        if (!res.write(waiting)) await once(res, 'drain', { signal });
        waiting = '';
        signal.throwIfAborted();
      }
      next = await pieces.next();
    }
    res.end(waiting);
    if (!res.writableFinished) await once(res, 'finish', { signal });
  } catch (error) {
    if (!res.headersSent) throw signal.aborted ? signal.reason : error;
    res.destroy();
  } finally {
    await pieces.return(undefined).catch(() => {});
  }
}
