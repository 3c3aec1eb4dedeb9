import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { StoreError } from '../../redis/failure.ts';
import type { ScrapeSummary } from '../../redis/scrape.ts';
import type { Store } from '../../redis/store.ts';
import { KIB } from '../../units.ts';
import type { Turns } from '../admission.ts';
import { RequestError } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { LogThrottle } from '../log-throttle.ts';
import type { Logger } from '../logger.ts';
import { refusal } from '../readiness.ts';
import type { Telemetry } from '../telemetry.ts';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface ScrapeDeps {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly turns: Turns;
  readonly log: Logger;
  readonly throttle: LogThrottle;
  readonly compression: boolean;
  /** 0: no limit. */
  readonly timeoutMs: number;
}

/**
 * Everything that lives, as one exposition. A failure before the first byte is answered; one after it breaks the
 * connection, so that nobody takes a part for the whole.
 */
export function scrapeHandler(deps: ScrapeDeps): RequestHandler {
  return async (req, res) => {
    const start = performance.now();
    res.on('close', () => {
      const status_code = res.writableFinished ? String(res.statusCode) : 'aborted';
      deps.telemetry.scrapeDuration.observe({ status_code }, (performance.now() - start) / 1000);
    });
    const refused = refusal(deps);
    if (refused !== undefined) throw refused;
    if (req.method === 'HEAD') {
      setHeaders(deps, req, res);
      res.end();
      return;
    }
    const abort = new AbortController();
    res.on('close', () => abort.abort(new RequestError('ERR_CLIENT_GONE', 'the client has gone')));
    const timer =
      deps.timeoutMs > 0 ? setTimeout(() => abort.abort(timeoutError(deps)), deps.timeoutMs) : undefined;
    try {
      await deps.turns.take(abort.signal);
      try {
        const summary = await stream(deps, req, res, abort.signal);
        deps.telemetry.recordWholeScrape(summary, (performance.now() - start) / 1000);
        reportDamage(deps, summary.damagedBlocks);
      } finally {
        deps.turns.give();
      }
    } catch (error) {
      fail(deps, res, abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function stream(
  deps: ScrapeDeps,
  req: Request,
  res: Response,
  signal: AbortSignal,
): Promise<ScrapeSummary> {
  const chunks = deps.store.scrape({ signal });
  let sink: Writable | undefined;
  try {
    // Headers wait for the first chunk: until then there can be a proper answer to a failure.
    let next = await chunks.next();
    sink = openSink(deps, req, res);
    while (!next.done) {
      if (!sink.write(next.value)) await once(sink, 'drain', { signal });
      signal.throwIfAborted();
      next = await chunks.next();
    }
    sink.end();
    if (!res.writableFinished) await once(res, 'finish', { signal });
    return next.value;
  } catch (error) {
    // What waits in the compressor must not get into the answer that tells of the failure.
    if (sink !== res) sink?.destroy();
    throw error;
  } finally {
    // Ends a generator that has more to give; after its own end or failure it does nothing.
    await chunks.return(undefined as never).catch(() => {});
  }
}

function openSink(deps: ScrapeDeps, req: Request, res: Response): Writable {
  if (!setHeaders(deps, req, res)) return res;
  // Level 1: above it compressing takes longer than everything else together.
  const gzip = createGzip({ level: 1, chunkSize: 64 * KIB });
  gzip.on('error', (error) => res.destroy(error));
  res.on('close', () => gzip.destroy());
  gzip.pipe(res);
  return gzip;
}

/** Returns true when the answer is to be compressed. */
function setHeaders(deps: ScrapeDeps, req: Request, res: Response): boolean {
  res.setHeader('Content-Type', CONTENT_TYPE);
  res.setHeader('Cache-Control', 'no-store');
  if (!deps.compression) return false;
  res.setHeader('Vary', 'Accept-Encoding');
  if (req.acceptsEncodings(['gzip', 'identity']) !== 'gzip') return false;
  res.setHeader('Content-Encoding', 'gzip');
  return true;
}

function timeoutError(deps: ScrapeDeps): RequestError {
  return new RequestError(
    'ERR_SCRAPE_TIMEOUT',
    `the scrape took longer than ${deps.timeoutMs} ms (metrics.timeout)`,
  );
}

function fail(deps: ScrapeDeps, res: Response, error: unknown): void {
  const reason = reasonOf(error);
  if (error instanceof StoreError) deps.telemetry.redisErrors.inc({ reason });
  if (!res.headersSent && !res.destroyed) {
    for (const name of ['Content-Encoding', 'Vary', 'Cache-Control']) res.removeHeader(name);
    throw error;
  }
  // The last chunk is missing: that is how the client can tell.
  res.destroy();
  if (reason === 'client_gone') return;
  deps.telemetry.scrapesBroken.inc({ reason });
  const suppressed = deps.throttle.pass(`scrape ${reason}`);
  if (suppressed !== undefined)
    deps.log.warn({ reason, err: error, suppressed }, 'a scrape was cut off midway');
}

function reportDamage(deps: ScrapeDeps, blocks: number): void {
  if (blocks === 0) return;
  const suppressed = deps.throttle.pass('damaged blocks');
  if (suppressed !== undefined)
    deps.log.warn({ blocks, suppressed }, 'a scrape skipped blocks that Redis holds damaged');
}

function reasonOf(error: unknown): string {
  if (error instanceof StoreError) return error.reason;
  if (error instanceof RequestError) return error.code.slice('ERR_'.length).toLowerCase();
  return 'internal';
}
