import type { FailureReason, StoreError } from '../redis/failure.ts';
import type { StoreHooks } from '../redis/store.ts';
import { SECOND } from '../units.ts';
import { LogThrottle } from './log-throttle.ts';
import type { Logger } from './logger.ts';
import type { Telemetry } from './telemetry.ts';

/** A Redis that comes and goes all the time is told of this often for each reason. */
const REPEAT_MS = 10 * SECOND;

/**
 * Tells log and telemetry when Redis comes and goes. The store reports each attempt that fails: the log says it once,
 * and again when the reason is another one.
 */
export class StoreWatch implements StoreHooks {
  readonly #log: Logger;
  readonly #telemetry: Telemetry;
  readonly #throttle = new LogThrottle(REPEAT_MS);
  #said: 'up' | FailureReason | undefined;
  #wasReady = false;

  constructor(deps: { readonly log: Logger; readonly telemetry: Telemetry }) {
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
    if (this.#said === error.reason || this.#throttle.pass(error.reason) === undefined) return;
    this.#said = error.reason;
    this.#log.warn(
      { reason: error.reason, err: error },
      'Redis is not available; trying again in the background',
    );
  }

  onAnswer(milliseconds: number): void {
    this.#telemetry.redisCommandDuration.observe({ caller: 'main' }, milliseconds / SECOND);
  }
}
