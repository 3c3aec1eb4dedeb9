import type { Config } from '../../config/config.ts';
import { toRedisOptions } from '../../config/redis-options.ts';
import { EmbeddedServerError, startEmbeddedServer } from '../redis/embedded-server.ts';
import type { RedisOptions } from '../redis/options.ts';
import { Store } from '../redis/store.ts';
import { createApp } from './app.ts';
import { CompactionQueue } from './compaction-queue.ts';
import { DescriptorWatch } from './descriptor-watch.ts';
import { API, endpoints } from './endpoints.ts';
import { StartError } from './errors.ts';
import { createHandlers } from './handlers.ts';
import { Lifecycle } from './lifecycle.ts';
import { Listener } from './listener.ts';
import { compileRules, LiveSettings } from './live-settings.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import { Releases } from './releases.ts';
import { Reload, type ReloadReport } from './reload.ts';
import { StoreWatch } from './store-watch.ts';
import { Sweep } from './sweep.ts';
import { Telemetry } from './telemetry.ts';
import { createTurns } from './work-turns.ts';
import { WorkerPool } from './worker-pool.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** Reads the configuration anew. Throws ConfigError. */
  loadConfig(): Config;
  /** A client has asked for the end. */
  onQuit(): void;
  /** Something that the gateway cannot do without has ended; it should be stopped. */
  onFatal(error: Error): void;
}

/** The running gateway. */
export interface Service extends AsyncDisposable {
  readonly listener: Listener;
  /** Puts into force what of the configuration may change while it runs. Throws ConfigError or StartError. */
  reload(): Promise<ReloadReport>;
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
    const { listener, reloading } = running;
    return { listener, reload: () => reloading.run(), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await releases.run();
    throw error;
  }
}

async function assemble(
  { config, log, version, loadConfig, onQuit, onFatal }: ServiceOptions,
  releases: Releases,
): Promise<{ listener: Listener; reloading: Reload; drain(): Promise<void> }> {
  const startTime = new Date();
  const settings = new LiveSettings(config);
  const lifecycle = new Lifecycle();
  const telemetry = new Telemetry(version);

  const redis = await chooseRedis(config, { log, lifecycle, onFatal }, releases);
  // What is asked by the main thread goes through one connection.
  const store = new Store({ ...redis, poolSize: 1 }, new StoreWatch({ log, telemetry }));
  releases.push('the connection to Redis', () => store.close());
  if (config.redis.isRequiredAtStart) {
    await store.whenReady(config.redis.timeoutMs).catch((error: Error) => {
      throw new StartError(`Redis is not there: ${error.message} (redis.required_at_start)`);
    });
  }
  const pool = new WorkerPool({
    threads: config.workers,
    redis: { ...redis, poolSize: Math.max(1, Math.floor((redis.poolSize ?? 0) / config.workers)) },
    onError: (err) => log.error({ err, stack: err.stack }, 'a worker thread broke'),
  });
  releases.push('the worker threads', () => pool.close());
  const compaction = new CompactionQueue({
    compact: (task) => pool.compact(task),
    onResult: (result) => telemetry.recordCompaction(result),
    onError: (err) => log.error({ err }, 'a compaction failed'),
    concurrency: pool.compactions,
    patienceMs: config.redis.timeoutMs,
  });
  releases.push('the compaction', () => compaction.close());
  const sweep = new Sweep({
    yieldMs: config.redis.timeoutMs,
    familyNames: () => store.familyNames(),
    compact: (task) => pool.compact(task),
    onResult: (result) => telemetry.recordCompaction(result),
    onError: (err) => log.debug({ err }, 'a sweep ended early'),
  });
  releases.push('the sweep', () => sweep.close());

  const turns = createTurns(config, pool.window);
  telemetry.observe({
    ready: () => lifecycle.state === 'ready' && store.ready,
    redisUp: () => store.ready,
    bodiesInFlight: () => turns.bodies.held + turns.bodies.parked + turns.pushes.held + turns.pushes.parked,
    bodiesWaiting: () => turns.bodies.waiting + turns.pushes.waiting,
    scrapesInFlight: () => turns.scrapes.held,
    tasksInFlight: () => pool.inFlight,
    workerThreads: () => pool.threads,
    workerQueueLength: () => pool.queueLength,
    compactionQueueLength: () => compaction.length,
  });

  const reloading = new Reload(config, {
    load: loadConfig,
    settings,
    log,
    // Called when the listener is there, which needs the handlers first.
    renewCertificate: (files) => listener.renewCertificate(files),
  });
  const throttle = new LogThrottle();
  const handlers = createHandlers({
    ...{ config, settings, reloading, version, startTime, store, pool, compaction },
    ...{ turns, lifecycle, telemetry, log, throttle, onQuit },
  });
  const app = createApp({
    endpoints: endpoints(config, handlers),
    jsonPrefix: `${config.web.routePrefix}${API}/`,
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
  const descriptors = new DescriptorWatch(log);
  releases.push('the watch over file descriptors', async () => descriptors.close());
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
  return { listener, reloading, drain };
}

/** Throws ConfigError for rules with no selector. */
export function requireServed(config: Config): void {
  compileRules(config);
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
  const { binary, dir, maxMemoryBytes } = config.redis.embedded;
  try {
    const server = await startEmbeddedServer({
      ...(binary !== undefined && { binary }),
      ...(dir !== undefined && { dir }),
      maxMemoryBytes,
    });
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
      { version: server.version, binary: server.binary, pid: server.pid, ...(dir !== undefined && { dir }) },
      'embedded Redis started',
    );
    return { ...options, endpoints: [{ path: server.socketPath }] };
  } catch (error) {
    throw error instanceof EmbeddedServerError ? new StartError(error.message, { cause: error }) : error;
  }
}
