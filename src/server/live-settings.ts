import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { GroupingKey } from '../workers/messages.ts';
import { type ExpirationRule, pushTtl } from './push/push-ttl.ts';
import { parseSelector, SelectorError } from './selectors.ts';

type LiveConfig = Pick<Config, 'redis' | 'push' | 'expirationRules'>;

/** The settings of pushes that may change while the gateway runs. */
export class LiveSettings {
  #config: LiveConfig;
  #rules: readonly ExpirationRule[];

  /** Throws ConfigError. */
  constructor(config: LiveConfig) {
    this.#config = config;
    this.#rules = compileRules(config);
  }

  /** Time to live of what a request pushes, ms; 0: for ever. Throws RequestError for one that cannot be read. */
  ttlMs(query: URLSearchParams, headers: IncomingHttpHeaders, group?: GroupingKey): number {
    return pushTtl(query, headers, {
      expirationMs: this.#config.redis.expirationMs,
      maxTtlMs: this.#config.push.maxTtlMs,
      rules: this.#rules,
      group,
    });
  }

  /** For all pushes from now on. Throws ConfigError; then nothing has changed. */
  replace(config: LiveConfig): void {
    this.#rules = compileRules(config);
    this.#config = config;
  }
}

/** Throws ConfigError for a rule whose selector is none. */
export function compileRules({
  expirationRules,
}: Pick<Config, 'expirationRules'>): readonly ExpirationRule[] {
  return expirationRules.map(({ match, expirationMs }, i) => {
    try {
      return { selector: parseSelector(match), ttlMs: expirationMs };
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      throw new ConfigError(
        `expiration_rules: rule ${i + 1}, ${match}: ${error.message}`,
        'expiration_rules',
      );
    }
  });
}
