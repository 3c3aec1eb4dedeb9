import type { StoreError } from '../redis/failure.ts';
import type { StoreHooks } from '../redis/store.ts';
import { SECOND } from '../units.ts';
import type { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import type { Telemetry } from './telemetry.ts';

/**
 * Tells log and telemetry when Redis comes and goes. The store reports each attempt that fails: the log says it once,
 * and of a Redis that comes and goes all the time once a minute.
 */
export class StoreWatch implements StoreHooks {
  readonly #log: Logger;
  readonly #telemetry: Telemetry;
  readonly #throttle: LogThrottle;
  #said: 'up' | 'down' | undefined;
  #wasReady = false;

  constructor(deps: { readonly log: Logger; readonly telemetry: Telemetry; readonly throttle: LogThrottle }) {
    this.#log = deps.log;
    this.#telemetry = deps.telemetry;
    this.#throttle = deps.throttle;
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
    if (this.#said === 'down' || this.#throttle.pass('redis down') === undefined) return;
    this.#said = 'down';
    this.#log.warn(
      { reason: error.reason, err: error },
      'Redis is not available; trying again in the background',
    );
  }

  onAnswer(milliseconds: number): void {
    this.#telemetry.redisCommandDuration.observe({ caller: 'main' }, milliseconds / SECOND);
  }
}
