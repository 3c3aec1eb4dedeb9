import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Headers that keep a browser from doing more with an answer than showing it. */
export function securityHeaders(options: { readonly tls: boolean }): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // On plain HTTP browsers ignore it, and a proxy in front decides for itself.
    strictTransportSecurity: options.tls,
  });
}
