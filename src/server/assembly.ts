import type { Config } from '../../config/config.ts';
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
import { LiveSettings } from './live-settings.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import { adoptMessageClasses } from './message-classes.ts';
import type { Releases } from './releases.ts';
import { Reload } from './reload.ts';
import { StoreWatch } from './store-watch.ts';
import { Sweep } from './sweep.ts';
import { Telemetry } from './telemetry.ts';
import { createTurns } from './work-turns.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface AssemblyOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  readonly redis: RedisOptions;
  readonly pool: WorkerPool;
  loadConfig(): Config;
  onQuit(): void;
}

export interface Assembly {
  readonly listener: Listener;
  readonly reloading: Reload;
  /** Refuses new work, and resolves when what has begun is finished, or cut off after the shutdown timeout. */
  drain(): Promise<void>;
}

/** Puts together all that stands between clients, threads and Redis, and opens it. Throws StartError. */
export async function assemble(
  { config, log, version, redis, pool, loadConfig, onQuit }: AssemblyOptions,
  releases: Releases,
): Promise<Assembly> {
  const startTime = new Date();
  const settings = new LiveSettings(config);
  const lifecycle = new Lifecycle();
  const telemetry = new Telemetry(version);

  // What is asked by the main thread goes through one connection.
  const store = new Store({ ...redis, poolSize: 1 }, new StoreWatch({ log, telemetry }));
  releases.push('the connection to Redis', () => store.close());
  if (config.redis.isRequiredAtStart) {
    await store.whenReady(config.redis.timeoutMs).catch((error: Error) => {
      throw new StartError(`Redis is not there: ${error.message} (redis.required_at_start)`);
    });
  }
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
      messages: adoptMessageClasses(app),
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
