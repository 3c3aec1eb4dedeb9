import type { RequestHandler } from 'express';
import { sendText } from '../answer.ts';
import { notReady, type ReadinessSources } from '../readiness.ts';

/** The process lives and its event loop turns: whatever is wrong beside that, a restart would not help. */
export function healthy(): RequestHandler {
  return (req, res) => sendText(req, res, 200, 'OK');
}

/** 200 when Redis is available and the gateway is not draining, else 503 with the reason. */
export function ready(sources: ReadinessSources): RequestHandler {
  return (req, res) => {
    const refused = notReady(sources);
    if (refused !== undefined) throw refused;
    return sendText(req, res, 200, 'OK');
  };
}
