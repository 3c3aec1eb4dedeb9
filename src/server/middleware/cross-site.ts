import type { RequestHandler } from 'express';
import { RequestError } from '../errors.ts';

/**
 * Refuses what a page of another site makes a browser send, unless it only reads: such a page may send simple requests
 * without asking, multipart pushes among them, although it is not shown the answer.
 * https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function refuseCrossSite(): RequestHandler {
  return (req, _res, next) => {
    const reads = req.method === 'GET' || req.method === 'HEAD' || req.method === 'OPTIONS';
    if (!reads && req.headers['sec-fetch-site'] === 'cross-site') {
      throw new RequestError('ERR_FORBIDDEN', 'pages of other sites may not change anything here');
    }
    next();
  };
}
