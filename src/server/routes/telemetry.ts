import type { RequestHandler } from 'express';
import type { Telemetry } from '../telemetry.ts';

/** The gateway's own metrics. */
export function telemetryHandler(telemetry: Telemetry): RequestHandler {
  return async (_req, res) => {
    const text = await telemetry.registry.metrics();
    res.setHeader('Content-Type', telemetry.registry.contentType);
    res.end(text);
  };
}
