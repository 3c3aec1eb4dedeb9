import type { Config } from '../../config/config.ts';
import { toRedisOptions } from '../../config/redis-options.ts';
import { EmbeddedServerError, startEmbeddedServer } from '../redis/embedded-server.ts';
import type { RedisOptions } from '../redis/options.ts';
import { Store } from '../redis/store.ts';
import { KIB, MIB, SECOND } from '../units.ts';
import { Turns } from './admission.ts';
import { createApp } from './app.ts';
import { CompactionQueue } from './compaction-queue.ts';
import { StartError } from './errors.ts';
import { Lifecycle } from './lifecycle.ts';
import { Listener } from './listener.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import { Releases } from './releases.ts';
import { healthy, ready } from './routes/health.ts';
import { ingestHandler } from './routes/ingest.ts';
import { landing } from './routes/landing.ts';
import { scrapeHandler } from './routes/scrape.ts';
import { telemetryHandler } from './routes/telemetry.ts';
import { StoreWatch } from './store-watch.ts';
import { Sweep } from './sweep.ts';
import { Telemetry } from './telemetry.ts';
import { WorkerPool } from './worker-pool.ts';

/** Pushes and scrapes that may wait for their turn, and how long: less than clients and balancers usually wait. */
const MAX_WAITING = 1_000;
const MAX_WAIT_MS = 10 * SECOND;

/** Text that all bodies together may gather before it goes to the workers: the size of a block is a body's share. */
const BLOCK_BUDGET_BYTES = 16 * MIB;
const LARGEST_BLOCK_BYTES = 512 * KIB;
const SMALLEST_BLOCK_BYTES = 32 * KIB;

export interface ServiceOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** Something that the gateway cannot do without has ended; it should be stopped. */
  onFatal(error: Error): void;
}

/** The running gateway. */
export interface Service extends AsyncDisposable {
  readonly listener: Listener;
  /** Refuses new work, lets what has begun finish within the shutdown timeout, and lets go of everything. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway and resolves when it accepts connections, whether or not Redis can be reached. Throws StartError;
 * then nothing is left behind.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const releases = new Releases(options.log);
  try {
    const running = await assemble(options, releases);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= running.drain().then(() => releases.run());
      return stopping;
    };
    return { listener: running.listener, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await releases.run();
    throw error;
  }
}

async function assemble(
  { config, log, version, onFatal }: ServiceOptions,
  releases: Releases,
): Promise<{ listener: Listener; drain(): Promise<void> }> {
  const lifecycle = new Lifecycle();
  const telemetry = new Telemetry(version);
  const throttle = new LogThrottle();

  const redis = await chooseRedis(config, { log, lifecycle, onFatal }, releases);
  const store = new Store(redis, new StoreWatch({ log, telemetry }));
  releases.push('the connection to Redis', () => store.close());
  const pool = new WorkerPool({
    threads: config.workers,
    redis,
    onError: (err) => log.error({ err, stack: err.stack }, 'a worker thread broke'),
  });
  releases.push('the worker threads', () => pool.close());
  const compaction = new CompactionQueue({
    compact: (task) => pool.compact(task),
    onResult: (result) => telemetry.recordCompaction(result),
    onError: (err) => log.error({ err }, 'a compaction failed'),
  });
  releases.push('the compaction', () => compaction.close());
  const sweep = new Sweep({
    familyNames: () => store.familyNames(),
    compact: (task) => pool.compact(task),
    onResult: (result) => telemetry.recordCompaction(result),
    onError: (err) => log.debug({ err }, 'a sweep ended early'),
  });
  releases.push('the sweep', () => sweep.close());

  const taskTurns = new Turns({ limit: pool.window });
  const bodyTurns = new Turns({
    limit: config.ingest.maxConcurrent,
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    refusal: `too many pushes at once (ingest.max_concurrent is ${config.ingest.maxConcurrent})`,
  });
  const scrapeTurns = new Turns({
    limit: config.metrics.maxConcurrent,
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    refusal: `too many scrapes at once (metrics.max_concurrent is ${config.metrics.maxConcurrent})`,
  });
  telemetry.observe({
    ready: () => lifecycle.state === 'ready' && store.ready,
    redisUp: () => store.ready,
    bodiesInFlight: () => bodyTurns.held + bodyTurns.parked,
    bodiesWaiting: () => bodyTurns.waiting,
    scrapesInFlight: () => scrapeTurns.held,
    tasksInFlight: () => pool.inFlight,
    workerThreads: () => pool.threads,
    workerQueueLength: () => pool.queueLength,
    compactionQueueLength: () => compaction.length,
  });

  const common = { store, lifecycle, telemetry, log, throttle };
  const ingest = ingestHandler({
    ...common,
    bodyTurns,
    minBytesPerSecond: config.ingest.minRateBytes,
    ingest: {
      store,
      pool,
      taskTurns,
      timestamps: config.ingest.timestamps,
      ttlMs: config.redis.expirationMs,
      maxLineBytes: config.ingest.maxLineBytes,
      targetBytes: () => {
        const share = BLOCK_BUDGET_BYTES / Math.max(bodyTurns.held + bodyTurns.parked, 1);
        return Math.max(SMALLEST_BLOCK_BYTES, Math.min(share, LARGEST_BLOCK_BYTES));
      },
      onResult: (result) => {
        telemetry.recordIngest(result);
        compaction.add(result.compact);
      },
    },
  });
  const scrape = scrapeHandler({
    ...common,
    turns: scrapeTurns,
    groups: { expiry: true },
    ...config.metrics,
  });
  const { paths } = config;
  const app = createApp({
    endpoints: [
      { name: 'ingest', path: paths.ingest, methods: { POST: ingest, PUT: ingest } },
      { name: 'metrics', path: paths.metrics, methods: { GET: scrape } },
      { name: 'telemetry', path: paths.telemetry, methods: { GET: telemetryHandler(telemetry) } },
      { name: 'healthy', path: '/-/healthy', methods: { GET: healthy() } },
      { name: 'ready', path: '/-/ready', methods: { GET: ready({ lifecycle, store }) } },
      { name: 'landing', path: '/', methods: { GET: landing(paths, version) } },
    ],
    lifecycle,
    telemetry,
    log,
  });
  const listener = await Listener.open(
    {
      host: config.host,
      port: config.port,
      tls: config.tls,
      onError: (err) => log.error({ err }, 'the listener had an error'),
    },
    app,
  );
  lifecycle.advance('ready');

  const drain = async (): Promise<void> => {
    lifecycle.advance('draining');
    const compacted = Promise.all([compaction.close(), sweep.close()]);
    const cut = await listener.close(config.shutdownTimeoutMs);
    if (cut > 0)
      log.warn({ connections: cut }, 'requests were cut off: they did not end in time (shutdown_timeout)');
    await compacted;
    lifecycle.advance('stopped');
  };
  return { listener, drain };
}

/** Throws StartError for what the configuration can say and this version cannot do yet. */
export function requireServed(config: Config): void {
  const { mode } = toRedisOptions(config);
  if (mode !== 'server') {
    throw new StartError(`redis.mode: got ${mode}, takes only server in this version`);
  }
}

/** How to reach Redis, once there is one: an embedded one starts here. */
async function chooseRedis(
  config: Config,
  deps: { readonly log: Logger; readonly lifecycle: Lifecycle; onFatal(error: Error): void },
  releases: Releases,
): Promise<RedisOptions> {
  const options = toRedisOptions(config);
  if (!config.redis.isEmbedded) {
    return options;
  }
  const { binary, maxMemoryBytes } = config.redis.embedded;
  try {
    const server = await startEmbeddedServer({ ...(binary !== undefined && { binary }), maxMemoryBytes });
    let stopped = false;
    releases.push('the embedded Redis', () => {
      stopped = true;
      return server.stop();
    });
    void server.exited.then((status) => {
      if (stopped) return;
      deps.log.error(
        { status, output: server.log.trim().split('\n').slice(-3).join(' | ') },
        'the embedded Redis has ended',
      );
      deps.onFatal(new Error('the embedded Redis has ended'));
    });
    deps.log.info(
      { version: server.version, binary: server.binary, pid: server.pid },
      'embedded Redis started',
    );
    return { ...options, endpoints: [{ path: server.socketPath }] };
  } catch (error) {
    throw error instanceof EmbeddedServerError ? new StartError(error.message, { cause: error }) : error;
  }
}
