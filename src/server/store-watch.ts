import type { StoreError } from '../redis/failure.ts';
import type { StoreHooks } from '../redis/store.ts';
import { SECOND } from '../units.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import type { Telemetry } from './telemetry.ts';

/**
 * Tells log and telemetry when Redis comes and goes. The store reports each attempt that fails: the log says so once a
 * minute for each reason.
 */
export class StoreWatch implements StoreHooks {
  readonly #log: Logger;
  readonly #telemetry: Telemetry;
  readonly #throttle: LogThrottle;
  #said: 'up' | 'down' | undefined;
  #wasReady = false;

  constructor(deps: {
    readonly log: Logger;
    readonly telemetry: Telemetry;
    readonly throttle?: LogThrottle;
  }) {
    this.#throttle = deps.throttle ?? new LogThrottle();
    this.#log = deps.log;
    this.#telemetry = deps.telemetry;
  }

  onReady(): void {
    if (this.#wasReady) this.#telemetry.redisReconnects.inc();
    this.#wasReady = true;
    if (this.#said === 'up') return;
    this.#said = 'up';
    this.#log.info('Redis is available');
  }

  onDown(error: StoreError): void {
    this.#telemetry.redisErrors.inc({ reason: error.reason });
    const suppressed = this.#throttle.pass(error.reason);
    if (suppressed === undefined) return;
    this.#said = 'down';
    this.#log.warn(
      { reason: error.reason, err: error, suppressed },
      'Redis is not available; trying again in the background',
    );
  }

  onAnswer(milliseconds: number): void {
    this.#telemetry.redisCommandDuration.observe({ caller: 'main' }, milliseconds / SECOND);
  }
}
