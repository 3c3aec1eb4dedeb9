import type { Config } from '../../config/config.ts';
import type { TlsFiles } from './listener.ts';
import { compileRules, type LiveSettings } from './live-settings.ts';
import type { Logger } from './logger.ts';

/** What changes while the gateway runs; everything else waits for the next start. */
const LIVE = [
  'log_level',
  'redis.expiration',
  'push.max_ttl',
  'expiration_rules',
  'tls_key_path',
  'tls_cert_path',
];

export interface ReloadReport {
  /** Keys of settings, and what is not one: `the TLS certificate`. */
  readonly changed: readonly string[];
  /** Keys that differ from what the gateway was started with. */
  readonly waiting: readonly string[];
}

export interface ReloadDeps {
  /** Reads arguments, environment and file anew. Throws ConfigError. */
  load(): Config;
  readonly settings: LiveSettings;
  /** False: it is the same as before. Throws StartError. */
  renewCertificate(files: TlsFiles): Promise<boolean>;
  readonly log: Logger;
}

/** Puts into force what the configuration says now. */
export class Reload {
  readonly #deps: ReloadDeps;
  readonly #started: Config;
  #current: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(started: Config, deps: ReloadDeps) {
    this.#deps = deps;
    this.#started = started;
    this.#current = started;
  }

  /** The configuration as of the last time. */
  get current(): Config {
    return this.#current;
  }

  /**
   * One after the other, and logged. Throws ConfigError or, for the certificate, StartError; then everything is as
   * before.
   */
  run(): Promise<ReloadReport> {
    const run = this.#last.then(() => this.#run());
    const { log } = this.#deps;
    this.#last = run.then(
      (report) => log.info(`reloaded the configuration: ${describeReload(report)}`),
      (err) => log.error({ err }, 'the configuration was not reloaded'),
    );
    return run;
  }

  async #run(): Promise<ReloadReport> {
    const { settings, log } = this.#deps;
    const config = this.#deps.load();
    compileRules(config);
    // The only step that can fail from here on, so it comes first.
    const renewed = this.#started.tls && config.tls ? await this.#deps.renewCertificate(config.tls) : false;
    settings.replace(config);
    log.level = config.log.level;
    const changed = differing(this.#current, config).filter((key) => LIVE.includes(key));
    if (renewed) changed.push('the TLS certificate');
    this.#current = config;
    const waiting = differing(this.#started, config).filter((key) => !LIVE.includes(key));
    return { changed, waiting };
  }
}

function differing(before: Config, after: Config): string[] {
  const keys = Object.keys(after.described).filter((key) => before.described[key] !== after.described[key]);
  // Shown as stars in both.
  const password = before.redis.password !== after.redis.password && !keys.includes('redis.password');
  return password ? [...keys, 'redis.password'] : keys;
}

/** For the answer and the log. */
export function describeReload({ changed, waiting }: ReloadReport): string {
  const done = changed.length === 0 ? 'nothing has changed' : `changed: ${changed.join(', ')}`;
  return waiting.length === 0 ? done : `${done}; these wait for the next start: ${waiting.join(', ')}`;
}
