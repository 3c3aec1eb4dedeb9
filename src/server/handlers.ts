import type { Config } from '../../config/config.ts';
import type { Store } from '../redis/store.ts';
import { KIB, MIB } from '../units.ts';
import type { CompactionQueue } from './compaction-queue.ts';
import type { Handlers } from './endpoints.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { LiveSettings } from './live-settings.ts';
import type { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import { ByteBudget } from './push/byte-budget.ts';
import type { Reload } from './reload.ts';
import { deleteGroups, listGroups } from './routes/api-v1/groups.ts';
import { apiMetrics } from './routes/api-v1/metrics.ts';
import { apiPush } from './routes/api-v1/push.ts';
import { apiStatus } from './routes/api-v1/status.ts';
import { wipe } from './routes/api-v1/wipe.ts';
import { deleteHandler } from './routes/delete.ts';
import { healthy, ready } from './routes/health.ts';
import { ingestHandler } from './routes/ingest.ts';
import { landing } from './routes/landing.ts';
import { quit, reload } from './routes/lifecycle.ts';
import { type PushRouteDeps, pushHandler } from './routes/push.ts';
import { scrapeHandler } from './routes/scrape.ts';
import { telemetryHandler } from './routes/telemetry.ts';
import type { Telemetry } from './telemetry.ts';
import type { WorkTurns } from './work-turns.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Text that all bodies together may gather before it goes to the workers: the size of a block is a body's share. */
const BLOCK_BUDGET_BYTES = 16 * MIB;
const LARGEST_BLOCK_BYTES = 512 * KIB;
const SMALLEST_BLOCK_BYTES = 32 * KIB;

/** What the handlers work with. */
export interface HandlerDeps {
  readonly config: Config;
  readonly settings: LiveSettings;
  readonly reloading: Reload;
  readonly version: string;
  readonly startTime: Date;
  readonly store: Store;
  readonly pool: WorkerPool;
  readonly compaction: CompactionQueue;
  readonly turns: WorkTurns;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly throttle: LogThrottle;
  onQuit(): void;
}

export function createHandlers(deps: HandlerDeps): Handlers {
  const { config, store, telemetry, turns, reloading, version } = deps;
  const { routePrefix } = config.web;
  const { utf8Names } = config.push;
  const groups = store;
  const push = pushRouteDeps(deps);
  const reading = { ...deps, groups, scrapeTurns: turns.scrapes, timeoutMs: config.metrics.timeoutMs };
  return {
    ingest: ingestHandler(ingestDeps(deps)),
    metrics: scrapeHandler({
      ...deps,
      turns: turns.scrapes,
      storing: deps.pool.storing,
      groups: { expiry: config.push.expiryMetric },
      ...config.metrics,
      inMetrics: config.telemetry.inMetrics ? () => telemetry.registry.metrics() : undefined,
    }),
    telemetry: telemetryHandler(telemetry),
    push: pushHandler(push),
    delete: deleteHandler({ ...deps, groups, routePrefix, utf8Names }),
    healthy: healthy(),
    ready: ready(deps),
    quit: quit(() => deps.onQuit()),
    reload: reload(() => reloading.run()),
    landing: landing({ paths: config.paths, routePrefix, version }),
    api: {
      status: apiStatus({ version, startTime: deps.startTime, config: () => reloading.current }),
      metrics: apiMetrics(reading),
      listGroups: listGroups(reading),
      deleteGroups: deleteGroups(reading),
      push: apiPush(push),
      wipe: wipe({ ...deps, groups }),
    },
  };
}

function ingestDeps(deps: HandlerDeps): Parameters<typeof ingestHandler>[0] {
  const { config, telemetry, turns } = deps;
  return {
    ...deps,
    bodyTurns: turns.bodies,
    minBytesPerSecond: config.ingest.minRateBytes,
    ingest: {
      ...deps,
      taskTurns: turns.tasks,
      timestamps: config.ingest.timestamps,
      maxLineBytes: config.ingest.maxLineBytes,
      targetBytes: () => {
        const share = BLOCK_BUDGET_BYTES / Math.max(turns.bodies.held + turns.bodies.parked, 1);
        return Math.max(SMALLEST_BLOCK_BYTES, Math.min(share, LARGEST_BLOCK_BYTES));
      },
      onResult: (result) => telemetry.recordIngest(result),
    },
  };
}

function pushRouteDeps(deps: HandlerDeps): PushRouteDeps {
  const { config, telemetry, turns } = deps;
  return {
    ...deps,
    bodyTurns: turns.pushes,
    minBytesPerSecond: config.ingest.minRateBytes,
    routePrefix: config.web.routePrefix,
    maxBodyBytes: config.push.maxBodyBytes,
    budget: new ByteBudget(config.push.maxBufferedBytes),
    push: {
      ...deps,
      taskTurns: turns.tasks,
      groupTurns: turns.groups,
      timestamps: config.push.timestamps,
      utf8Names: config.push.utf8Names,
      onResult: (result) => telemetry.recordPush(result),
    },
  };
}
