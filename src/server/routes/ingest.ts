import type { Request, RequestHandler, Response } from 'express';
import { StoreError } from '../../redis/failure.ts';
import { type Answer, sendAnswer } from '../answer.ts';
import { admitBody, type BodyAdmissionDeps } from '../body-admission.ts';
import { toProblem } from '../errors.ts';
import { IngestReport } from '../ingest/ingest-report.ts';
import { type IngestDeps, ingestBody } from '../ingest/ingest-stream.ts';
import type { LiveSettings } from '../live-settings.ts';
import type { LogThrottle } from '../log-throttle.ts';
import type { Logger } from '../logger.ts';
import { bodyFormat } from '../middleware/body-format.ts';
import { contentEncoding } from '../middleware/content-encoding.ts';
import { queryOf } from '../raw-url.ts';

export interface IngestRouteDeps extends BodyAdmissionDeps {
  readonly log: Logger;
  readonly throttle: LogThrottle;
  readonly settings: Pick<LiveSettings, 'ttlMs'>;
  readonly ingest: IngestDeps;
}

/** Stores the samples of the body and says how many, once Redis has acknowledged them. */
export function ingestHandler(deps: IngestRouteDeps): RequestHandler {
  return async (req, res) => {
    const start = performance.now();
    const report = await receive(deps, req, res);
    deps.telemetry.ingestDuration.observe((performance.now() - start) / 1000);
    logProblem(deps, report, req);
    await sendAnswer(req, res, toAnswer(report));
  };
}

async function receive(deps: IngestRouteDeps, req: Request, res: Response): Promise<IngestReport> {
  try {
    const encoding = contentEncoding(req.headers);
    const ttlMs = deps.settings.ttlMs(queryOf(req), req.headers);
    const { source, identity } = await admitBody(deps, req, res);
    const body = { source, encoding, format: bodyFormat(req.headers), identity, ttlMs };
    return await ingestBody(body, deps.ingest);
  } catch (error) {
    const report = new IngestReport();
    report.error = error;
    return report;
  }
}

function toAnswer(report: IngestReport): Answer {
  const { accepted, rejected, errors, notStored, error } = report;
  const counts = { accepted, rejected, errors };
  if (error === undefined) return json(rejected > 0 ? 400 : 200, counts);
  const problem = toProblem(error);
  const storeFailed = problem.code === 'ERR_STORE' || notStored > 0;
  return json(
    problem.status,
    { ...counts, ...(storeFailed && { not_stored: notStored }), error: problem.message },
    problem.headers,
  );
}

function json(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers,
    contentType: 'application/json; charset=utf-8',
    body: `${JSON.stringify(body)}\n`,
  };
}

/** A line a minute of each kind: a thousand clients that meet the same problem are still one problem. */
function logProblem(deps: IngestRouteDeps, report: IngestReport, req: Request): void {
  const { error, accepted, rejected, notStored } = report;
  const remote = req.socket.remoteAddress;
  if (error === undefined) {
    if (rejected === 0) return;
    const suppressed = deps.throttle.pass('push rejected');
    if (suppressed === undefined) return;
    const [first] = report.errors;
    deps.log.warn(
      { accepted, rejected, line: first?.line, reason: first?.message, remote, suppressed },
      'lines of a push were rejected',
    );
    return;
  }
  const { code } = toProblem(error);
  if (code === 'ERR_CLIENT_GONE') {
    deps.log.debug({ accepted, remote }, 'the sender of a push has gone before its end');
    return;
  }
  if (code === 'ERR_INTERNAL') {
    deps.log.error({ err: error, accepted, stack: (error as Error).stack }, 'a push failed');
    return;
  }
  const kind = error instanceof StoreError ? error.reason : code;
  const suppressed = deps.throttle.pass(`push ${kind}`);
  if (suppressed === undefined) return;
  deps.log.warn(
    { err: error, accepted, not_stored: notStored, remote, suppressed },
    'a push was not stored whole',
  );
}
