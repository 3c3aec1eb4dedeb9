import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Logger } from '../logger.ts';

/** One event a request, when it is over, at debug. Problems are logged where they are known; headers and bodies never. */
export function requestLog(log: Logger): RequestHandler {
  const summary = (req: IncomingMessage, res: ServerResponse, value: { responseTime: number }): object => ({
    method: req.method,
    // As it came: Express shortens `url` inside routers.
    path: (req as { originalUrl?: string }).originalUrl?.split('?', 1)[0],
    code: res.writableFinished ? res.statusCode : 'aborted',
    remote: req.socket.remoteAddress,
    duration_ms: value.responseTime,
  });
  const logged = pinoHttp({
    logger: log,
    useLevel: 'debug',
    quietReqLogger: true,
    quietResLogger: true,
    wrapSerializers: false,
    customAttributeKeys: { reqId: 'request' },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customSuccessObject: summary,
    customErrorObject: (req, res, _error, value) => summary(req, res, value),
  });
  // It makes a logger for each request, which takes 0.2 ms, a fifth of what the main thread does for a small push.
  return (req, res, next) => {
    if (log.isLevelEnabled('debug')) logged(req, res, next);
    else next();
  };
}
