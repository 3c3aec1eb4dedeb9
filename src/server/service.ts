import type { Config } from '../../config/config.ts';
import { toRedisOptions } from '../../config/redis-options.ts';
import { EmbeddedServerError, startEmbeddedServer } from '../redis/embedded-server.ts';
import type { RedisOptions } from '../redis/options.ts';
import type { Assembly } from './assembly.ts';
import { StartError } from './errors.ts';
import type { Listener } from './listener.ts';
import { compileRules } from './live-settings.ts';
import type { Logger } from './logger.ts';
import { Releases } from './releases.ts';
import type { ReloadReport } from './reload.ts';
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
    const running = await start(options, releases);
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

async function start(options: ServiceOptions, releases: Releases): Promise<Assembly> {
  const { config, log } = options;
  const redis = await chooseRedis(options, releases);
  const pool = new WorkerPool({
    threads: config.workers,
    redis: { ...redis, poolSize: Math.max(1, Math.floor((redis.poolSize ?? 0) / config.workers)) },
    onError: (err) => log.error({ err, stack: err.stack }, 'a worker thread broke'),
  });
  releases.push('the worker threads', () => pool.close());
  // Loaded only now: it takes this thread as long as those take to start, which they do meanwhile.
  const { assemble } = await import('./assembly.ts');
  return assemble({ ...options, redis, pool }, releases);
}

/** Throws ConfigError for rules with no selector. */
export function requireServed(config: Config): void {
  compileRules(config);
}

/** How to reach Redis, once there is one: an embedded one starts here. */
async function chooseRedis(
  { config, log, onFatal }: ServiceOptions,
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
      log.error(
        { status, output: server.log.trim().split('\n').slice(-3).join(' | ') },
        'the embedded Redis has ended',
      );
      onFatal(new Error('the embedded Redis has ended'));
    });
    log.info(
      { version: server.version, binary: server.binary, pid: server.pid, ...(dir !== undefined && { dir }) },
      'embedded Redis started',
    );
    return { ...options, endpoints: [{ path: server.socketPath }] };
  } catch (error) {
    throw error instanceof EmbeddedServerError ? new StartError(error.message, { cause: error }) : error;
  }
}
