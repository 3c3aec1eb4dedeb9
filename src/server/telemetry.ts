import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { ScrapeSummary } from '../redis/scrape.ts';
import { KIB, MINUTE, SECOND } from '../units.ts';
import type { CompactResult, IngestResult, PushResult } from '../workers/messages.ts';

/** What the gauges read when the telemetry is asked for. */
export interface TelemetrySources {
  readonly ready: () => boolean;
  readonly redisUp: () => boolean;
  readonly bodiesInFlight: () => number;
  readonly bodiesWaiting: () => number;
  readonly scrapesInFlight: () => number;
  readonly tasksInFlight: () => number;
  readonly workerThreads: () => number;
  readonly workerQueueLength: () => number;
  readonly compactionQueueLength: () => number;
}

// Gauges of prom-client whose names end like a counter's, which `promtool check metrics` rightly dislikes. Each is the
// sum of another metric.
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

// Of the official gateway's summaries: https://pkg.go.dev/github.com/prometheus/client_golang/prometheus#SummaryOpts
const SUMMARY = { percentiles: [0.1, 0.5, 0.9], maxAgeSeconds: (10 * MINUTE) / SECOND, ageBuckets: 5 };
/** How Go calls what Node calls otherwise. */
const GOARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SIZE_BUCKETS = [1, 16, 256]
  .flatMap((n) => [n * KIB, n * KIB * 4])
  .concat([4, 16, 64, 256, 1024].map((n) => n * KIB * KIB));

/** The gateway's own metrics, each declared here and nowhere else. */
export class Telemetry {
  readonly registry = new Registry();

  readonly httpRequests = this.#counter(
    'http_requests_total',
    'Requests answered, by handler, code and method; code "aborted" if the client left first.',
    ['handler', 'code', 'method'],
  );
  readonly receivedBytes = this.#counter(
    'ingest_received_bytes_total',
    'Bytes of pushed bodies received, as they were sent (compressed or not).',
  );
  readonly groupPushes = this.#counter(
    'group_pushes_total',
    'Bodies pushed to a group that reached a worker, by outcome: stored, malformed, inconsistent, failed.',
    ['outcome'],
  );
  readonly groupsDeleted = this.#counter('groups_deleted_total', 'Groups deleted on request.');
  readonly pushDuration = this.#summary(
    'http_push_duration_seconds',
    'HTTP request duration for pushes to a group.',
  );
  readonly pushSize = this.#summary(
    'http_push_size_bytes',
    'HTTP request size for pushes to a group, request line and headers included.',
  );
  readonly samplesAccepted = this.#counter('samples_accepted_total', 'Samples that Redis acknowledged.');
  readonly samplesRejected = this.#counter(
    'samples_rejected_total',
    'Lines of pushed bodies that were refused, by reason.',
    ['reason'],
  );
  readonly samplesNotStored = this.#counter(
    'samples_not_stored_total',
    'Samples that Redis did not acknowledge, by reason.',
    ['reason'],
  );
  readonly blocksWritten = this.#counter(
    'blocks_written_total',
    'Blocks of series written to Redis by pushes.',
  );
  readonly blocksRemoved = this.#counter(
    'compaction_blocks_removed_total',
    'Dead or expired blocks that compaction removed from Redis.',
  );
  readonly blocksRewritten = this.#counter(
    'compaction_blocks_rewritten_total',
    'Blocks that compaction wrote anew without their dead series.',
  );
  readonly compactions = this.#counter('compactions_total', 'Compactions of a metric family, by outcome.', [
    'outcome',
  ]);
  readonly redisErrors = this.#counter(
    'redis_errors_total',
    'Failures of Redis or of the way to it, by reason.',
    ['reason'],
  );
  readonly redisReconnects = this.#counter(
    'redis_reconnects_total',
    'Times that Redis was reached again after it was lost.',
  );
  readonly damagedBlocks = this.#counter(
    'damaged_blocks_total',
    'Blocks that a scrape skipped because Redis holds them damaged.',
  );
  readonly scrapesBroken = this.#counter(
    'scrapes_broken_total',
    'Scrapes that were cut after their answer had begun, by reason.',
    ['reason'],
  );

  readonly scrapeDuration = new Histogram({
    name: 'metrics_request_duration_seconds',
    help: 'Time from a request for the metrics to the end of its answer.',
    labelNames: ['status_code'],
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });
  readonly scrapeSize = new Histogram({
    name: 'pushgateway_scrape_size_bytes',
    help: 'Size of whole scrapes before compression.',
    buckets: SIZE_BUCKETS,
    registers: [this.registry],
  });
  readonly ingestDuration = new Histogram({
    name: 'pushgateway_ingest_duration_seconds',
    help: 'Time from a push to its answer.',
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });
  readonly redisCommandDuration = new Histogram({
    name: 'pushgateway_redis_command_duration_seconds',
    help: 'Time from sending commands to Redis to the last of their answers: commits of the workers and the commands of the main thread.',
    labelNames: ['caller'],
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });

  readonly #cacheSize = new Gauge({
    name: 'metrics_cache_size',
    help: 'Series shown by the last whole scrape.',
    registers: [this.registry],
  });
  readonly #liveSeries = this.#gauge('live_series', 'Live series, as of the last whole scrape.');
  readonly #families = this.#gauge(
    'metric_families',
    'Metric families with live series, as of the last whole scrape.',
  );
  readonly #lastSize = this.#gauge(
    'last_scrape_size_bytes',
    'Size of the last whole scrape before compression.',
  );
  readonly #lastDuration = this.#gauge('last_scrape_duration_seconds', 'Duration of the last whole scrape.');

  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    new Gauge({
      name: 'pushgateway_build_info',
      help: 'Always 1; the labels tell the version of the gateway and of Node.js.',
      labelNames: ['branch', 'goarch', 'goos', 'goversion', 'nodeversion', 'revision', 'version'],
      registers: [this.registry],
    }).set(buildInfo(version), 1);
  }

  /** Adds the gauges that are read from others when asked for. */
  observe(sources: TelemetrySources): void {
    const gauge = (name: string, help: string, read: () => number | boolean): void => {
      this.#gauge(name, help, function () {
        this.set(Number(read()));
      });
    };
    gauge('ready', '1 if the gateway takes pushes and scrapes.', sources.ready);
    gauge('redis_up', '1 if Redis answers.', sources.redisUp);
    gauge('ingest_bodies_in_flight', 'Pushed bodies that are being read or stored.', sources.bodiesInFlight);
    gauge('ingest_bodies_waiting', 'Pushed bodies that wait for their turn.', sources.bodiesWaiting);
    gauge('scrapes_in_flight', 'Scrapes that are being answered.', sources.scrapesInFlight);
    gauge(
      'worker_tasks_in_flight',
      'Tasks that worker threads have not finished, queued ones included.',
      sources.tasksInFlight,
    );
    gauge('worker_queue_length', 'Tasks that wait for a worker thread.', sources.workerQueueLength);
    gauge('worker_threads', 'Worker threads.', sources.workerThreads);
    gauge(
      'compaction_queue_length',
      'Metric families that wait for compaction.',
      sources.compactionQueueLength,
    );
  }

  recordIngest(result: IngestResult): void {
    this.samplesAccepted.inc(result.accepted);
    this.blocksWritten.inc(result.blocksWritten);
    for (const [reason, lines] of Object.entries(result.rejected))
      this.samplesRejected.inc({ reason }, lines);
    if (result.redisMs > 0) this.redisCommandDuration.observe({ caller: 'worker' }, result.redisMs / 1000);
    if (result.failure) {
      this.samplesNotStored.inc({ reason: result.failure.reason }, result.failure.notStored);
      this.redisErrors.inc({ reason: result.failure.reason });
    }
  }

  recordPush(result: PushResult): void {
    this.groupPushes.inc({ outcome: result.outcome });
    this.blocksWritten.inc(result.blocksWritten);
    if (result.redisMs > 0) this.redisCommandDuration.observe({ caller: 'worker' }, result.redisMs / 1000);
    if (result.outcome === 'stored') this.samplesAccepted.inc(result.samples);
    if (result.failure) {
      this.samplesNotStored.inc({ reason: result.failure.reason }, result.samples);
      this.redisErrors.inc({ reason: result.failure.reason });
    }
  }

  recordCompaction(result: CompactResult): void {
    this.blocksRemoved.inc(result.blocksRemoved);
    this.blocksRewritten.inc(result.blocksRewritten);
    this.compactions.inc({ outcome: result.failure ? 'failed' : 'done' });
    if (result.failure) this.redisErrors.inc({ reason: result.failure.reason });
  }

  recordWholeScrape(summary: ScrapeSummary, seconds: number): void {
    this.#cacheSize.set(summary.series);
    this.#liveSeries.set(summary.series);
    this.#families.set(summary.families);
    this.#lastSize.set(summary.bytes);
    this.#lastDuration.set(seconds);
    this.scrapeSize.observe(summary.bytes);
    this.damagedBlocks.inc(summary.damagedBlocks);
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name: `pushgateway_${name}`, help, labelNames, registers: [this.registry] });
  }

  #summary(name: string, help: string): Summary<'method'> {
    return new Summary({
      name: `pushgateway_${name}`,
      help,
      labelNames: ['method'],
      ...SUMMARY,
      registers: [this.registry],
    });
  }

  #gauge(name: string, help: string, collect?: (this: Gauge) => void): Gauge {
    return new Gauge({
      name: `pushgateway_${name}`,
      help,
      registers: [this.registry],
      ...(collect && { collect }),
    });
  }
}

/** The labels that the official gateway has, so that its dashboards work. What has no meaning here is empty. */
function buildInfo(version: string): Readonly<Record<string, string>> {
  return {
    branch: '',
    goarch: GOARCH[process.arch] ?? process.arch,
    goos: process.platform,
    goversion: '',
    nodeversion: process.version,
    revision: '',
    version,
  };
}
