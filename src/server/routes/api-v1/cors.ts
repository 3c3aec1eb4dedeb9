import type { RequestHandler } from 'express';
import { sendEmpty } from '../../answer.ts';

/** Exactly the official gateway's. */
const HEADERS = {
  'Access-Control-Allow-Headers': 'Accept, Authorization, Content-Type, Origin',
  'Access-Control-Allow-Methods': 'GET, POST, DELETE, OPTIONS',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Date',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
} as const;

/**
 * Any web page may read what the handler answers. For what reads and not for what deletes: else every page that somebody
 * opens beside the gateway could do that.
 */
export function withCors(handler: RequestHandler): RequestHandler {
  return (req, res, next) => {
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    // A browser would not let scripts of other origins have it (helmet's default).
    res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    return handler(req, res, next);
  };
}

export function corsOptions(): RequestHandler {
  return withCors((req, res) => sendEmpty(req, res, 200));
}
