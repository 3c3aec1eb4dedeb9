import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { sendText } from './answer.ts';
import { RequestError, toProblem } from './errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { requestLog } from './middleware/request-log.ts';
import { requestTelemetry } from './middleware/request-telemetry.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import type { Telemetry } from './telemetry.ts';

type Method = 'GET' | 'POST' | 'PUT';

/** One path and what is done there. GET serves HEAD too. */
export interface Endpoint {
  /** Names it in the telemetry. */
  readonly name: string;
  readonly path: string;
  readonly methods: Readonly<Partial<Record<Method, RequestHandler>>>;
}

export interface AppDeps {
  readonly endpoints: readonly Endpoint[];
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

  app.use(requestTelemetry(deps.telemetry)); // first, so that it counts whatever follows
  app.use(requestLog(deps.log)); // likewise
  app.use(securityHeaders()); // on errors too, so before the routes
  app.use(closeWhenDraining(deps.lifecycle)); // or kept-alive connections would outlive the answer
  // No body parser: bodies have no bound, and each route says how it reads its own.
  addRoutes(app, deps.endpoints);
  app.use((req) => {
    throw new RequestError('ERR_NOT_FOUND', `there is nothing at ${JSON.stringify(req.path.slice(0, 100))}`);
  });
  app.use(errorHandler(deps.log)); // last, so that it catches from all of them
  return app;
}

function closeWhenDraining(lifecycle: Lifecycle): RequestHandler {
  return (_req, res, next) => {
    if (lifecycle.draining) res.setHeader('Connection', 'close');
    next();
  };
}

function addRoutes(app: Express, endpoints: readonly Endpoint[]): void {
  for (const { name, path, methods } of endpoints) {
    const route = app.route(path).all(named(name));
    const allowed: string[] = [];
    for (const [method, handler] of Object.entries(methods) as Array<[Method, RequestHandler]>) {
      route[method.toLowerCase() as Lowercase<Method>](handler);
      allowed.push(...(method === 'GET' ? ['GET', 'HEAD'] : [method]));
    }
    route.all(methodNotAllowed(allowed.join(', ')));
  }
}

function methodNotAllowed(allow: string): RequestHandler {
  return (req) => {
    throw new RequestError(
      'ERR_METHOD_NOT_ALLOWED',
      `${req.method} is not for this path: it takes ${allow}`,
      {
        headers: { Allow: allow },
      },
    );
  };
}

function named(handler: string): RequestHandler {
  return (_req, res, next) => {
    res.locals['handler'] = handler;
    next();
  };
}

function errorHandler(log: Logger): ErrorRequestHandler {
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
    await sendText(req, res, problem.status, problem.message, problem.headers);
  };
}
