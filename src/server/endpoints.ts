import type { RequestHandler } from 'express';
import type { Config } from '../../config/config.ts';
import type { Endpoint } from './app.ts';
import { groupPath } from './push/push-path.ts';
import { corsOptions, withCors } from './routes/api-v1/cors.ts';
import { toLanding } from './routes/landing.ts';
import { whenLifecycleEnabled } from './routes/lifecycle.ts';

/** What is done at the paths, by the names that the telemetry has for them. */
export interface Handlers {
  readonly ingest: RequestHandler;
  readonly metrics: RequestHandler;
  readonly telemetry: RequestHandler;
  readonly push: RequestHandler;
  readonly delete: RequestHandler;
  readonly healthy: RequestHandler;
  readonly ready: RequestHandler;
  readonly quit: RequestHandler;
  readonly reload: RequestHandler;
  readonly landing: RequestHandler;
  readonly api: {
    readonly status: RequestHandler;
    readonly metrics: RequestHandler;
    readonly listGroups: RequestHandler;
    readonly deleteGroups: RequestHandler;
    readonly push: RequestHandler;
    readonly wipe: RequestHandler;
  };
}

export const API = '/api/v1';

/** Every path there is, under the route prefix. */
export function endpoints({ web, paths }: Config, handlers: Handlers): Endpoint[] {
  const { routePrefix: prefix } = web;
  const { api } = handlers;
  const lifecycle = (handler: RequestHandler): RequestHandler =>
    whenLifecycleEnabled(web.enableLifecycle, handler);
  const quit = lifecycle(handlers.quit);
  const reload = lifecycle(handlers.reload);
  const at = (name: string, path: string, methods: Endpoint['methods']): Endpoint => ({
    name,
    path: prefix + path,
    methods,
  });
  return [
    {
      name: 'push',
      names: { DELETE: 'delete' },
      path: (rawPath) => groupPath(rawPath, prefix) !== undefined,
      methods: { PUT: handlers.push, POST: handlers.push, DELETE: handlers.delete },
    },
    at('ingest', paths.ingest, { POST: handlers.ingest, PUT: handlers.ingest }),
    at('metrics', paths.metrics, { GET: handlers.metrics }),
    at('telemetry', paths.telemetry, { GET: handlers.telemetry }),
    at('healthy', '/-/healthy', { GET: handlers.healthy }),
    at('ready', '/-/ready', { GET: handlers.ready }),
    at('quit', '/-/quit', { PUT: quit, POST: quit }),
    at('reload', '/-/reload', { PUT: reload, POST: reload }),
    // First, so that no preflight of a browser lets a page of another origin delete or push.
    at('api/v1/groups', `${API}/groups`, { GET: api.listGroups, DELETE: api.deleteGroups }),
    at('api/v1/push', `${API}/push`, { POST: api.push }),
    ...(web.enableAdminApi ? [at('wipe', `${API}/admin/wipe`, { PUT: api.wipe })] : []),
    {
      name: 'api/v1/options',
      path: (rawPath, method) => method === 'OPTIONS' && rawPath.startsWith(`${prefix}${API}/`),
      methods: { OPTIONS: corsOptions() },
    },
    at('api/v1/status', `${API}/status`, { GET: withCors(api.status) }),
    at('api/v1/metrics', `${API}/metrics`, { GET: withCors(api.metrics) }),
    at('landing', '/', { GET: handlers.landing }),
    at('landing', '/status', { GET: handlers.landing }),
    ...(prefix === '' ? [] : [at('landing', '', { GET: toLanding(prefix) })]),
  ];
}
