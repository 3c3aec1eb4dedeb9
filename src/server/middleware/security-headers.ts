import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Headers that keep a browser from doing more with an answer than showing it. */
export function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // It would be for all ports of the host, Prometheus's among them, and is for who runs that to decide.
    strictTransportSecurity: false,
  });
}
