#!/usr/bin/env -S node --heap-growing-percent=150 --no-parallel-scavenge --expose-gc
/**
 * The program: arguments, environment, signals and exit codes. Nothing else touches them.
 *
 * The flags in the first line. The bytes of bodies lie outside the heap and count as its growth, so V8 would mark all of it
 * after every 17 MB of a body. To wait until there is two and a half times as much takes a fifth off the CPU of small
 * pushes. (Four times: no less CPU, and 40 MiB more.) And what chunk-garbage.ts collects needs no marking at all. To collect
 * it in several threads takes twice as long as in one, 39 ms instead of 19 ms of a body of 139 MB: each time they wait for
 * one that has no core just then.
 *
 * Exit codes: 0 after an ordered end, 1 for a mistake in the configuration, a start that fails, or an end that was forced.
 */
import closeWithGrace from 'close-with-grace';
import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';
import { describeConfig, loadConfig } from '../../config/load.ts';
import { SECOND } from '../units.ts';
import { parseCommandLine } from './cli.ts';
import { packageVersion } from './cli-version.ts';
import { StartError } from './errors.ts';
import { checkHealth } from './health-check.ts';
import { createLogger, type Logger, standardError } from './logger.ts';
import { requireServed, type Service, startService } from './service.ts';

/** How much longer than the requests in flight everything else may take to end, before the end is forced. */
const RELEASE_TIMEOUT_MS = 5 * SECOND;

// Whoever reads our output may leave before its end; that is no reason to fail.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  // One line, whatever is in it.
  process.stderr.write(`pushgateway: error: ${error.message.replace(/\s+/g, ' ')}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const commandLine = parseCommandLine(process.argv.slice(2), { width: process.stdout.columns });
  if (commandLine.action === 'print') {
    process.stdout.write(commandLine.text ?? '');
    return;
  }
  const { flags, configFile: file } = commandLine;
  const load = (): Config => {
    const config = loadConfig({ flags, env: process.env, file });
    requireServed(config);
    return config;
  };
  const config = load();
  switch (commandLine.action) {
    case 'check-config':
      process.stdout.write('The configuration is valid.\n');
      return;
    case 'check-health':
      await reportHealth(config);
      return;
    case 'run':
      await run(config, load);
  }
}

async function reportHealth(config: Config): Promise<void> {
  const problem = await checkHealth({
    host: config.host,
    port: config.port,
    tls: config.tls !== undefined,
    routePrefix: config.web.routePrefix,
  });
  process.stdout.write(problem === undefined ? 'healthy\n' : `not healthy: ${problem}\n`);
  process.exitCode = problem === undefined ? 0 : 1;
}

async function run(config: Config, load: () => Config): Promise<void> {
  const output = standardError();
  const log = createLogger(config.log, output);
  process.on('exit', () => output.flush());
  // By default they are printed as they are, several lines long.
  process
    .removeAllListeners('warning')
    .on('warning', (err) => log.warn({ err, kind: err.name }, 'a warning of Node.js'));
  const version = packageVersion();
  let service: Service | undefined;
  let fatal: Error | undefined;
  let closing = false;
  const closer = closeWithGrace(
    {
      delay: config.shutdownTimeoutMs + RELEASE_TIMEOUT_MS,
      logger: false,
      // With nothing left to do a start has failed, which has its own exit code.
      skip: ['beforeExit', 'SIGHUP'],
      onSecondSignal: (signal) => log.warn({ signal }, 'told to stop again: exiting at once'),
      onSecondError: (err) => log.error({ err }, 'an unexpected error while stopping: exiting at once'),
      onTimeout: () => log.error('stopping took too long: exiting at once'),
    },
    async ({ signal, err }) => {
      closing = true;
      if (err) log.error({ err, stack: err.stack }, 'an unexpected error: stopping');
      else log.info({ signal }, 'stopping');
      await service?.stop();
      log.info('stopped');
      // The exit code 1 comes of it.
      if (fatal) throw fatal;
    },
  );
  const onFatal = (error: Error): void => {
    if (closing) return;
    fatal = error;
    closer.close();
  };
  try {
    service = await startService({
      config,
      log,
      version,
      loadConfig: load,
      onQuit: () => {
        log.info('told to stop by a request to /-/quit');
        closer.close();
      },
      onFatal,
    });
  } catch (error) {
    closer.uninstall();
    throw error;
  }
  log.debug(describeConfig(config), 'configuration');
  // What comes of it is in the log.
  process.on('SIGHUP', () => void service?.reload().catch(() => {}));
  announce(config, service, version, log);
}

/** Where it listens, and what to try next. */
function announce(config: Config, { listener }: Service, version: string, log: Logger): void {
  const { paths, redis, tls, workers, web } = config;
  const scheme = tls ? 'https' : 'http';
  log.info(
    {
      address: listener.address,
      scheme,
      version,
      workers,
      redis: config.described['redis.endpoint'],
      pid: process.pid,
    },
    'listening',
  );
  const curl = tls ? 'curl -k' : 'curl';
  const origin = `${scheme}://${listener.reachableAt}${web.routePrefix}`;
  log.info(`to push samples: ${curl} --data-binary @examples/data.txt ${origin}${paths.ingest}`);
  log.info(`to see what Prometheus gets: ${curl} ${origin}${paths.metrics}`);
  if (redis.expirationMs === 0) log.info('series are kept for ever (redis.expiration is 0)');
}
