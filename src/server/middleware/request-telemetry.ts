import type { RequestHandler } from 'express';
import type { Telemetry } from '../telemetry.ts';

/** Counts every answer. Handlers name themselves by `res.locals.handler`, so that the label has few values. */
export function requestTelemetry(telemetry: Telemetry): RequestHandler {
  return (req, res, next) => {
    // A write to a connection that has just gone would end the process; its handler learns of it by 'close'.
    res.on('error', () => {});
    res.on('close', () => {
      telemetry.httpRequests.inc({
        handler: res.locals['handler'] ?? 'none',
        code: res.writableFinished ? String(res.statusCode) : 'aborted',
        method: req.method.toLowerCase(),
      });
    });
    next();
  };
}
