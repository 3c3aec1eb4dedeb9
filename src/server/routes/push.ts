import type { Request, RequestHandler, Response } from 'express';
import type { GroupingKey, PushMode } from '../../workers/messages.ts';
import { sendEmpty } from '../answer.ts';
import { admitBody, type BodyAdmissionDeps, whenGone } from '../body-admission.ts';
import { RequestError } from '../errors.ts';
import type { LiveSettings } from '../live-settings.ts';
import { bodyFormat } from '../middleware/body-format.ts';
import { contentEncoding } from '../middleware/content-encoding.ts';
import type { ByteBudget } from '../push/byte-budget.ts';
import { type GroupPushDeps, pushToGroup } from '../push/group-push.ts';
import { parseGroupingKey } from '../push/grouping-key.ts';
import { logPushProblem, type PushLog } from '../push/push-log.ts';
import { groupPath } from '../push/push-path.ts';
import { collectBody } from '../push/whole-body.ts';
import { queryOf, rawPath } from '../raw-url.ts';

export interface PushRouteDeps extends BodyAdmissionDeps, PushLog {
  readonly routePrefix: string;
  readonly settings: LiveSettings;
  readonly maxBodyBytes: number;
  /** Of all bodies that are held at once. */
  readonly budget: ByteBudget;
  readonly push: GroupPushDeps;
}

/** Stores the body in the group that the path names, whole or not at all, and says so when Redis has acknowledged it. */
export function pushHandler(deps: PushRouteDeps): RequestHandler {
  return async (req, res) => {
    const start = performance.now();
    const method = req.method.toLowerCase();
    const seen: Seen = { bytes: () => 0 };
    try {
      const { compacted } = await receive(deps, req, res, seen);
      await compacted;
    } catch (error) {
      logPushProblem(deps, error, { group: seen.group, remote: req.socket.remoteAddress });
      throw error;
    } finally {
      deps.telemetry.pushDuration.observe({ method }, (performance.now() - start) / 1000);
      deps.telemetry.pushSize.observe({ method }, headBytes(req) + seen.bytes());
    }
    await sendEmpty(req, res, 200);
  };
}

/** What is known of a push by the time it fails. */
interface Seen {
  group?: GroupingKey;
  bytes: () => number;
}

async function receive(
  deps: PushRouteDeps,
  req: Request,
  res: Response,
  seen: Seen,
): Promise<{ readonly compacted: Promise<void> }> {
  const group = groupOf(req, deps.routePrefix, deps.push.utf8Names);
  seen.group = group;
  const query = queryOf(req);
  const mode = pushMode(req.method, query.get('mode'));
  const ttlMs = deps.settings.ttlMs(query, req.headers, group);
  const format = bodyFormat(req.headers);
  const encoding = contentEncoding(req.headers);
  const contentLength = Number(req.headers['content-length'] ?? 0);
  // Before the client is asked for it.
  if (encoding === 'identity' && contentLength > deps.maxBodyBytes) throw tooLarge(deps.maxBodyBytes);

  const { source, identity, received } = await admitBody(deps, req, res);
  seen.bytes = received;
  const gone = whenGone(res);
  // Held until the worker has done with the body. From here on nothing waits for anybody who waits for memory.
  const share = deps.budget.share();
  try {
    const body = await collectBody(source, {
      encoding,
      maxBytes: deps.maxBodyBytes,
      budget: share,
      contentLength,
      signal: gone.signal,
    });
    return await pushToGroup({ body, format, group, mode, ttlMs, identity }, deps.push, gone.signal);
  } finally {
    share.release();
    gone.forget();
  }
}

/** The group that the path names. Throws RequestError if it names none. */
export function groupOf(req: Request, routePrefix: string, utf8Names: boolean): GroupingKey {
  const path = groupPath(rawPath(req), routePrefix);
  if (path === undefined) throw new RequestError('ERR_NOT_FOUND', 'the path names no group');
  return parseGroupingKey(path, { utf8Names });
}

/** Throws RequestError for a mode that there is not. */
export function pushMode(method: string, mode: string | null): PushMode {
  if (mode === null) return method === 'PUT' ? 'put' : 'post';
  if (mode === 'merge' && method === 'POST') return 'merge';
  throw new RequestError(
    'ERR_BAD_QUERY',
    method === 'POST'
      ? `mode: got ${JSON.stringify(mode.slice(0, 40))}, takes only merge`
      : 'mode: only POST takes one; PUT replaces the whole group',
  );
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError(
    'ERR_BODY_TOO_LARGE',
    `the body has more than ${maxBytes} bytes (push.max_body_bytes); /ingest takes bodies of any size`,
  );
}

/** Request line and headers, as the official gateway counts them to the size of a push. */
function headBytes(req: Request): number {
  const line = req.method.length + req.originalUrl.length + 'HTTP/1.1'.length;
  return req.rawHeaders.reduce((bytes, text) => bytes + text.length, line);
}
