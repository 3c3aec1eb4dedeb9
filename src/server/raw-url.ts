import type { IncomingMessage } from 'node:http';

/** Express shortens `url` inside routers and keeps what came in `originalUrl`. */
function target(req: IncomingMessage): string {
  const url = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '';
  // A client that takes us for a proxy sends the whole URL.
  return url.replace(/^https?:\/\/[^/?]*/i, '');
}

/** The path as the client wrote it, nothing decoded and nothing cleaned. */
export function rawPath(req: IncomingMessage): string {
  const path = target(req).split(/[?#]/, 1)[0] as string;
  return path === '' ? '/' : path;
}

export function queryOf(req: IncomingMessage): URLSearchParams {
  const url = target(req);
  const start = url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1));
}
