import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { chunkPool, type SeriesSelection } from '../../redis/exposition.ts';
import { StoreError } from '../../redis/failure.ts';
import type { ScrapeSummary } from '../../redis/scrape.ts';
import type { Store } from '../../redis/store.ts';
import { KIB } from '../../units.ts';
import type { Turns } from '../admission.ts';
import { RequestError } from '../errors.ts';
import { type Format, negotiate } from '../exposition/negotiate.ts';
import { ownFamilies } from '../exposition/own-metrics.ts';
import { SeriesFilter } from '../exposition/series-filter.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { LogThrottle } from '../log-throttle.ts';
import type { Logger } from '../logger.ts';
import { queryOf } from '../raw-url.ts';
import { refusal } from '../readiness.ts';
import { ScrapePace } from '../scrape-pace.ts';
import { parseSelector, SelectorError } from '../selectors.ts';
import type { Telemetry } from '../telemetry.ts';
import type { UnderWay } from '../under-way.ts';

/** A reader that lets us wait longer lends its turn to others. */
const SLOW_READER_MS = 100;
/** So many may do so: each keeps what was read ahead, up to 6 MiB, and the table of a family in memory. */
const MAX_LENT = 32;

/** Selectors and jobs of one scrape: each series may have to be compared with all of them. */
const MAX_FILTERS = 100;

/** Of all scrapes. */
const memory = chunkPool();

export interface ScrapeDeps {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly turns: Turns;
  /** Bodies, or pieces of them, that are being stored: scrapes give way to them. */
  readonly storing: UnderWay;
  readonly log: Logger;
  readonly throttle: LogThrottle;
  readonly compression: boolean;
  /** 0: no limit. */
  readonly timeoutMs: number;
  /** What is shown of the groups themselves. */
  readonly groups: { readonly expiry: boolean };
  /** The gateway's own metrics, in text format, if they are to be in the same exposition. */
  readonly inMetrics?: (() => Promise<string>) | undefined;
}

/** What is asked for. */
interface Scrape {
  readonly format: Format;
  /** Undefined: everything. */
  readonly selection: SeriesSelection | undefined;
}

/**
 * Everything that lives, or what `match[]` and `job` select of it, as one exposition in the format that Accept asks for.
 * A failure before the first byte is answered; one after it breaks the connection, so that nobody takes a part for the
 * whole.
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
    const scrape: Scrape = { format: negotiate(req.headers.accept), selection: selectionOf(req) };
    if (req.method === 'HEAD') {
      setHeaders(deps, scrape.format, req, res);
      res.end();
      return;
    }
    const abort = new AbortController();
    res.on('close', () => abort.abort(new RequestError('ERR_CLIENT_GONE', 'the client has gone')));
    const timer =
      deps.timeoutMs > 0 ? setTimeout(() => abort.abort(timeoutError(deps)), deps.timeoutMs) : undefined;
    try {
      const turn = new LentTurn(deps.turns, abort.signal);
      await turn.take();
      try {
        const summary = await stream(deps, scrape, req, res, abort.signal, turn);
        if (scrape.selection === undefined)
          deps.telemetry.recordWholeScrape(summary, (performance.now() - start) / 1000);
        reportDamage(deps, summary.damagedBlocks);
      } finally {
        turn.end();
      }
    } catch (error) {
      fail(deps, res, abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  };
}

function selectionOf(req: Request): SeriesSelection | undefined {
  const query = queryOf(req);
  const selectors = query.getAll('match[]');
  const jobs = query.getAll('job');
  if (selectors.length === 0 && jobs.length === 0) return undefined;
  if (selectors.length + jobs.length > MAX_FILTERS)
    throw new RequestError('ERR_BAD_QUERY', `more than ${MAX_FILTERS} selectors and jobs`);
  try {
    return new SeriesFilter(selectors.map(parseSelector), jobs);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    throw new RequestError('ERR_BAD_QUERY', `match[]: ${error.message}`, { cause: error });
  }
}

async function stream(
  deps: ScrapeDeps,
  { format, selection }: Scrape,
  req: Request,
  res: Response,
  signal: AbortSignal,
  turn: LentTurn,
): Promise<ScrapeSummary> {
  const own = deps.inMetrics && ownFamilies(await deps.inMetrics());
  const chunks = deps.store.scrape({
    signal,
    memory,
    selection,
    own,
    groups: deps.groups,
    writer: format.createWriter(),
  });
  let sink: Writable | undefined;
  try {
    // Headers wait for the first chunk: until then there can be a proper answer to a failure.
    let next = await chunks.next();
    sink = openSink(deps, format, req, res);
    const pace = new ScrapePace(deps.storing);
    while (!next.done) {
      if (pace.isTime) await pace.rest();
      const chunk = next.value;
      if (!sink.write(chunk, () => memory.give(chunk))) await turn.lendWhile(once(sink, 'drain', { signal }));
      signal.throwIfAborted();
      next = await chunks.next();
    }
    sink.end();
    if (!res.writableFinished) await turn.lendWhile(once(res, 'finish', { signal }));
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

/** A turn that others may have while its holder waits for a reader that is slow. */
class LentTurn {
  readonly #turns: Turns;
  readonly #signal: AbortSignal;
  #lent = false;
  #ended = false;

  constructor(turns: Turns, signal: AbortSignal) {
    this.#turns = turns;
    this.#signal = signal;
  }

  take(): Promise<void> {
    return this.#turns.take(this.#signal);
  }

  async lendWhile(waiting: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => {
      if (this.#turns.parked >= MAX_LENT) return;
      this.#turns.park();
      this.#lent = true;
    }, SLOW_READER_MS);
    try {
      await waiting;
    } finally {
      clearTimeout(timer);
    }
    if (!this.#lent) return;
    this.#lent = false;
    try {
      await this.#turns.resume(this.#signal);
    } catch (error) {
      // Not given back, and not held: as if it had never been taken.
      this.#ended = true;
      throw error;
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#lent) this.#turns.unpark();
    else this.#turns.give();
  }
}

function openSink(deps: ScrapeDeps, format: Format, req: Request, res: Response): Writable {
  if (!setHeaders(deps, format, req, res)) return res;
  // Level 1: above it compressing takes longer than everything else together.
  const gzip = createGzip({ level: 1, chunkSize: 64 * KIB });
  gzip.on('error', (error) => res.destroy(error));
  res.on('close', () => gzip.destroy());
  gzip.pipe(res);
  return gzip;
}

/** Returns true when the answer is to be compressed. */
function setHeaders(deps: ScrapeDeps, format: Format, req: Request, res: Response): boolean {
  res.setHeader('Content-Type', format.contentType);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Vary', deps.compression ? 'Accept, Accept-Encoding' : 'Accept');
  if (!deps.compression) return false;
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
