import type { IncomingHttpHeaders } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { StoreError } from '../../../redis/failure.ts';
import type { StoreIdentity } from '../../../workers/messages.ts';
import { sendJson } from '../../answer.ts';
import { admitBody, whenGone } from '../../body-admission.ts';
import { toProblem } from '../../errors.ts';
import { bodyFormat } from '../../middleware/body-format.ts';
import { contentEncoding } from '../../middleware/content-encoding.ts';
import { pushToGroup } from '../../push/group-push.ts';
import { parseGroupingKey } from '../../push/grouping-key.ts';
import { logPushProblem } from '../../push/push-log.ts';
import { type PushPart, pushParts } from '../../push/push-parts.ts';
import { collectBody } from '../../push/whole-body.ts';
import { type PushRouteDeps, pushMode } from '../push.ts';

interface PartResult {
  readonly group: string;
  readonly status: number;
  readonly error?: string;
}

/**
 * Several pushes in one request, each the part of a multipart body: done in their order, each stored whole or not at all,
 * whatever becomes of the others. The answer has the result of each.
 */
export function apiPush(deps: PushRouteDeps): RequestHandler {
  return async (req, res) => {
    const encoding = contentEncoding(req.headers);
    const { source, identity } = await admitBody(deps, req, res);
    const gone = whenGone(res);
    const results: PartResult[] = [];
    let failure: unknown;
    try {
      const contentType = req.headers['content-type'];
      for await (const part of pushParts(source, { contentType, encoding })) {
        const { result, compacted } = await pushPart(deps, req, part, identity, gone.signal);
        results.push(result);
        // Before the next part is read, or a long body could outrun compaction.
        await compacted;
      }
    } catch (error) {
      // What came before it is stored, and in the answer.
      failure = error;
    } finally {
      gone.forget();
    }
    await answer(req, res, results, failure);
  };
}

async function pushPart(
  deps: PushRouteDeps,
  req: Request,
  part: PushPart,
  identity: StoreIdentity,
  signal: AbortSignal,
): Promise<{ readonly result: PartResult; readonly compacted?: Promise<void> }> {
  const share = deps.budget.share();
  let group: ReturnType<typeof parseGroupingKey> | undefined;
  try {
    group = parseGroupingKey(part.path, { utf8Names: deps.push.utf8Names });
    const mode = pushMode(part.method ?? 'POST', part.query.get('mode'));
    const headers = part.headers as IncomingHttpHeaders;
    const ttlMs = deps.settings.ttlMs(part.query, { ...ttlHeader(req.headers), ...headers }, group);
    const body = await collectBody(part.stream, {
      encoding: contentEncoding(headers),
      maxBytes: deps.maxBodyBytes,
      budget: share,
      signal,
    });
    const push = { body, format: bodyFormat(headers), group, mode, ttlMs, identity };
    const { compacted } = await pushToGroup(push, deps.push, signal);
    return { result: { group: shownPath(part), status: 200 }, compacted };
  } catch (error) {
    logPushProblem(deps, error, { group, remote: req.socket.remoteAddress });
    // These end the request: to wait for Redis once for each part would take too long.
    if (signal.aborted || error instanceof StoreError) throw error;
    const { status, message } = toProblem(error);
    return { result: { group: shownPath(part), status, error: message } };
  } finally {
    share.release();
  }
}

/** The path has a byte in each character, as it came. */
function shownPath({ path }: PushPart): string {
  return Buffer.from(path, 'latin1').toString();
}

/** What the request says is for all of its parts. */
function ttlHeader(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const ttl = headers['x-pushgateway-ttl'];
  return ttl === undefined ? {} : { 'x-pushgateway-ttl': ttl };
}

async function answer(req: Request, res: Response, results: PartResult[], failure: unknown): Promise<void> {
  const problem = failure === undefined ? undefined : toProblem(failure);
  // For the log.
  if (problem?.code === 'ERR_INTERNAL') throw failure;
  const status = Math.max(problem?.status ?? 200, ...results.map((result) => result.status));
  const retry = status === 503 ? { 'Retry-After': '1' } : {};
  await sendJson(
    req,
    res,
    status,
    {
      status: status === 200 ? 'success' : 'error',
      ...(problem && { error: problem.message }),
      data: { results },
    },
    { ...retry, ...problem?.headers },
  );
}
