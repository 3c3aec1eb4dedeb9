import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { SECOND } from '../../units.ts';
import type { Turns } from '../admission.ts';
import { RequestError } from '../errors.ts';

/** A body of which nothing comes for this long lends its turn to others. */
const PARK_AFTER_MS = 100;

export interface BodySourceOptions {
  /** The caller holds a turn, which passes to the source. */
  readonly turns: Turns;
  /** Slower senders are cut off. 0: none is. */
  readonly minBytesPerSecond: number;
  /** Time over which the rate is measured, ms. */
  readonly rateWindowMs?: number;
  onBytes(count: number): void;
}

/**
 * The bytes of a request's body. Unlike the request, it can be destroyed without taking the connection along, so that
 * there can be an answer to half a body.
 *
 * It holds a turn only while bytes are coming: a thousand idle senders keep nobody out. The rate is measured over the
 * time in which the gateway is willing to read, so that its own slowness is not held against the sender.
 */
export class BodySource extends Readable {
  readonly #req: IncomingMessage;
  readonly #turns: Turns;
  readonly #minBytesPerSecond: number;
  readonly #rateWindowMs: number;
  readonly #onBytes: (count: number) => void;
  /** While it waits for its turn to come back. */
  #waiting: AbortController | undefined;
  readonly #idle: NodeJS.Timeout;
  #rateCheck: NodeJS.Timeout | undefined;
  #turn: 'held' | 'parked' | 'none' = 'held';
  #willing = false;
  #willingSince = 0;
  #willingMs = 0;
  #bytesInWindow = 0;

  constructor(req: IncomingMessage, options: BodySourceOptions) {
    super();
    this.#req = req;
    this.#turns = options.turns;
    this.#minBytesPerSecond = options.minBytesPerSecond;
    this.#rateWindowMs = options.rateWindowMs ?? 30 * SECOND;
    this.#onBytes = options.onBytes;
    this.#idle = setTimeout(() => this.#park(), PARK_AFTER_MS);
    if (this.#minBytesPerSecond > 0) this.#checkRateIn(this.#rateWindowMs);
    // Before the listeners: adding one for 'data' would make the request flow.
    req.pause();
    req.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onGone).on('close', this.#onGone);
    if (req.destroyed) this.#onGone();
  }

  override _read(): void {
    this.#setWilling(true);
    this.#req.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const req = this.#req;
    req
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onGone)
      .off('close', this.#onGone);
    // A connection that breaks from now on is nobody's error.
    req.on('error', () => {});
    req.pause();
    clearTimeout(this.#idle);
    clearTimeout(this.#rateCheck);
    this.#waiting?.abort(error ?? new Error('the body is no longer wanted'));
    if (this.#turn === 'held') this.#turns.give();
    if (this.#turn === 'parked') this.#turns.unpark();
    this.#turn = 'none';
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytesInWindow += chunk.length;
    this.#onBytes(chunk.length);
    if (this.#turn === 'held') {
      this.#pushOn(chunk);
      return;
    }
    this.#stopReading();
    this.#turn = 'none';
    this.#waiting = new AbortController();
    this.#turns.resume(this.#waiting.signal).then(
      () => {
        this.#waiting = undefined;
        if (this.destroyed) {
          this.#turns.give();
          return;
        }
        this.#turn = 'held';
        this.#pushOn(chunk);
      },
      (error: Error) => this.destroy(error),
    );
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onGone = (): void => {
    if (!this.#req.complete) this.destroy(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
  };

  #pushOn(chunk: Buffer): void {
    this.#idle.refresh();
    if (!this.push(chunk)) this.#stopReading();
  }

  #stopReading(): void {
    this.#req.pause();
    this.#setWilling(false);
  }

  #park(): void {
    if (this.#turn !== 'held') return;
    // Full buffers are not the sender's doing: the turn is in use.
    if (!this.#willing) {
      this.#idle.refresh();
      return;
    }
    this.#turn = 'parked';
    this.#turns.park();
  }

  #setWilling(willing: boolean): void {
    if (willing === this.#willing) return;
    const now = performance.now();
    if (willing) this.#willingSince = now;
    else this.#willingMs += now - this.#willingSince;
    this.#willing = willing;
  }

  #checkRateIn(ms: number): void {
    this.#rateCheck = setTimeout(() => this.#checkRate(), Math.max(ms, 1));
  }

  #checkRate(): void {
    const willingMs = this.#willingMs + (this.#willing ? performance.now() - this.#willingSince : 0);
    if (willingMs < this.#rateWindowMs) {
      this.#checkRateIn(this.#rateWindowMs - willingMs);
      return;
    }
    if ((this.#bytesInWindow / willingMs) * SECOND < this.#minBytesPerSecond) {
      const limit = `${this.#minBytesPerSecond} bytes/s (ingest.min_rate)`;
      this.destroy(new RequestError('ERR_SLOW_BODY', `the body came in slower than ${limit}`));
      return;
    }
    this.#bytesInWindow = 0;
    this.#willingMs = 0;
    this.#willingSince = performance.now();
    this.#checkRateIn(this.#rateWindowMs);
  }
}
