import type { Request, RequestHandler, Response } from 'express';
import type { Turns } from '../../admission.ts';
import { whenGone } from '../../body-admission.ts';
import { RequestError } from '../../errors.ts';
import { sendJsonStream } from '../../json-stream.ts';
import { type ReadinessSources, refusal } from '../../readiness.ts';

export interface ReadingDeps extends ReadinessSources {
  /** Those of the scrapes: what reads groups costs as much. */
  readonly scrapeTurns: Turns;
  /** Longest duration, ms. 0: no limit. */
  readonly timeoutMs: number;
}

/** Answers with what is read from the store, as it is read, in one of the scrapes' turns and within their time. */
export function readingHandler(
  deps: ReadingDeps,
  read: (req: Request, signal: AbortSignal) => AsyncGenerator<string>,
): RequestHandler {
  return async (req, res) => {
    await inTurn(deps, res, (signal) => sendJsonStream(req, res, read(req, signal), signal));
  };
}

export async function inTurn(
  deps: ReadingDeps,
  res: Response,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const refused = refusal(deps);
  if (refused !== undefined) throw refused;
  const gone = whenGone(res);
  const late = new AbortController();
  const timer =
    deps.timeoutMs > 0
      ? setTimeout(() => late.abort(timeoutError(deps.timeoutMs)), deps.timeoutMs)
      : undefined;
  const signal = AbortSignal.any([gone.signal, late.signal]);
  try {
    await deps.scrapeTurns.take(signal);
    try {
      await work(signal);
    } finally {
      deps.scrapeTurns.give();
    }
  } finally {
    clearTimeout(timer);
    gone.forget();
  }
}

function timeoutError(timeoutMs: number): RequestError {
  return new RequestError(
    'ERR_SCRAPE_TIMEOUT',
    `the answer took longer than ${timeoutMs} ms (metrics.timeout)`,
  );
}
