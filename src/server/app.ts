import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { sendEmpty, sendJson, sendText } from './answer.ts';
import { RequestError, toProblem } from './errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { refuseCrossSite } from './middleware/cross-site.ts';
import { oneAtATime } from './middleware/one-at-a-time.ts';
import { requestLog } from './middleware/request-log.ts';
import { requestTelemetry } from './middleware/request-telemetry.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { rawPath } from './raw-url.ts';
import type { Telemetry } from './telemetry.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

/** One path and what is done there. GET serves HEAD too, and OPTIONS is answered everywhere. */
export interface Endpoint {
  /** Names it in the telemetry. A method's own name comes first. */
  readonly name: string;
  readonly names?: Readonly<Partial<Record<Method, string>>>;
  /** A whole path, or which ones: of the path as it came, in all its spellings (see raw-url.ts). */
  readonly path: string | ((rawPath: string, method: string) => boolean);
  readonly methods: Readonly<Partial<Record<Method, RequestHandler>>>;
}

export interface AppDeps {
  readonly endpoints: readonly Endpoint[];
  /** Errors of paths that begin with it are told in JSON. */
  readonly jsonPrefix?: string;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly log: Logger;
}

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // it would need the whole answer in memory
  app.disable('query parser'); // few routes take one, and each reads its own
  app.enable('case sensitive routing');
  app.enable('strict routing');

  app.use(oneAtATime()); // before anything is done for a request
  app.use(requestTelemetry(deps.telemetry)); // so that it counts whatever follows
  app.use(requestLog(deps.log)); // likewise
  app.use(securityHeaders()); // on errors too, so before the routes
  app.use(refuseCrossSite()); // whatever the route
  app.use(closeWhenDraining(deps.lifecycle)); // or kept-alive connections would outlive the answer
  // No body parser: bodies have no bound, and each route says how it reads its own.
  addRoutes(app, deps.endpoints);
  app.use((req) => {
    throw new RequestError('ERR_NOT_FOUND', `there is nothing at ${JSON.stringify(req.path.slice(0, 100))}`);
  });
  app.use(errorHandler(deps.log, deps.jsonPrefix)); // last, so that it catches from all of them
  return app;
}

function closeWhenDraining(lifecycle: Lifecycle): RequestHandler {
  return (_req, res, next) => {
    if (lifecycle.draining) res.setHeader('Connection', 'close');
    next();
  };
}

function addRoutes(app: Express, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    const { path } = endpoint;
    const handle = byMethod(endpoint);
    if (typeof path === 'string') {
      app.all(path, handle);
    } else {
      app.use((req, res, next) => (path(rawPath(req), req.method) ? handle(req, res, next) : next()));
    }
  }
}

function byMethod({ name, names, methods }: Endpoint): RequestHandler {
  const known = new Set(['OPTIONS', ...Object.keys(methods), ...(methods.GET ? ['HEAD'] : [])]);
  const allow = [...known].sort().join(', ');
  return (req, res, next) => {
    const method = (req.method === 'HEAD' ? 'GET' : req.method) as Method;
    res.locals['handler'] = names?.[method] ?? name;
    const handler = methods[method];
    if (handler !== undefined) return handler(req, res, next);
    if (method === 'OPTIONS') return sendEmpty(req, res, 200, { Allow: allow });
    throw new RequestError(
      'ERR_METHOD_NOT_ALLOWED',
      `${req.method} is not for this path: it takes ${allow}`,
      { headers: { Allow: allow } },
    );
  };
}

function errorHandler(log: Logger, jsonPrefix: string | undefined): ErrorRequestHandler {
  // Express knows it by its four parameters.
  return async (error, req, res, _next) => {
    const problem = toProblem(error);
    if (problem.code === 'ERR_INTERNAL') {
      log.error({ err: error, stack: error instanceof Error ? error.stack : undefined }, 'a request failed');
    }
    if (res.headersSent) {
      res.destroy();
      return;
    }
    if (jsonPrefix !== undefined && rawPath(req).startsWith(jsonPrefix)) {
      await sendJson(req, res, problem.status, { status: 'error', error: problem.message }, problem.headers);
      return;
    }
    await sendText(req, res, problem.status, problem.message, problem.headers);
  };
}
