import type { Request, RequestHandler, Response } from 'express';
import { StoreError } from '../../redis/failure.ts';
import type { Store } from '../../redis/store.ts';
import type { Turns } from '../admission.ts';
import { type Answer, sendAnswer } from '../answer.ts';
import { RequestError, toProblem } from '../errors.ts';
import { BodySource } from '../ingest/body-source.ts';
import { IngestReport } from '../ingest/ingest-report.ts';
import { type IngestDeps, ingestBody } from '../ingest/ingest-stream.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { LogThrottle } from '../log-throttle.ts';
import type { Logger } from '../logger.ts';
import { bodyFormat } from '../middleware/body-format.ts';
import { contentEncoding } from '../middleware/content-encoding.ts';
import { refusal } from '../readiness.ts';
import type { Telemetry } from '../telemetry.ts';

export interface IngestRouteDeps {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly throttle: LogThrottle;
  /** One for each body that may be read at once. */
  readonly bodyTurns: Turns;
  readonly minBytesPerSecond: number;
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
    await admit(deps, res);
    // Known to be there when the store is ready, which is only known to be so before the wait.
    const { identity } = deps.store;
    if (identity === undefined) {
      deps.bodyTurns.give();
      throw refusal(deps) ?? new RequestError('ERR_STORE', 'Redis has just become unavailable');
    }
    // Node has asked us instead of sending it: from here on the body is wanted.
    if (/100-continue/i.test(req.headers.expect ?? '')) res.writeContinue();
    const source = new BodySource(req, {
      turns: deps.bodyTurns,
      minBytesPerSecond: deps.minBytesPerSecond,
      onBytes: (count) => deps.telemetry.receivedBytes.inc(count),
    });
    return await ingestBody({ source, encoding, format: bodyFormat(req.headers), identity }, deps.ingest);
  } catch (error) {
    const report = new IngestReport();
    report.error = error;
    return report;
  }
}

async function admit(deps: IngestRouteDeps, res: Response): Promise<void> {
  const refused = refusal(deps);
  if (refused !== undefined) throw refused;
  const gone = new AbortController();
  const onClose = (): void => gone.abort(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
  res.once('close', onClose);
  try {
    await deps.bodyTurns.take(gone.signal);
  } finally {
    res.off('close', onClose);
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
