import type { Duplex } from 'node:stream';
import type { Reply } from '../commands.ts';
import { connectionLost, StoreError, toStoreError } from '../failure.ts';
import type { Reader } from './intake.ts';
import { type BulkSink, ReplyDecoder, ReplyError } from './reply-decoder.ts';

/** Takes the answers to several commands, in their order. */
export interface BatchSink extends BulkSink {
  /** The answers come now, from the first one on; what was given of them before is worth nothing. */
  begin(): void;
  /** An answer is whole. It had no string if there is no such key. */
  end(): void;
}

interface SendOptions {
  readonly sink?: BatchSink | undefined;
  readonly commands?: number;
  readonly asking?: boolean;
}

interface Sent {
  readonly sink: BatchSink | undefined;
  /** Answers that are still to come, and how many of the next ones say nothing. */
  left: number;
  skipped: number;
  error: ReplyError | undefined;
  readonly at: number;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

const ASKING = Buffer.from('*1\r\n$6\r\nASKING\r\n');
/** Answered requests are taken off the queue when there are so many of them at its head. */
const MOST_ANSWERED = 256;

/**
 * The bytes on a connection that is authenticated: requests go out in the order in which they are given, and the answers
 * belong to them in that order. The client library would make an object with a dozen fields, two promises, a timer and
 * texts of each request.
 */
export class Wire {
  readonly #stream: Duplex;
  readonly #timeoutMs: number;
  readonly #onFailure: (error: StoreError) => void;
  readonly #decoder: ReplyDecoder;
  #sent: Sent[] = [];
  /** The first of them that is not answered. */
  #first = 0;
  /** Of the first one: one for all is enough, as they are answered in their order. */
  #timer: NodeJS.Timeout | undefined;
  /** Since when the first one is the first. */
  #turnAt = 0;
  #isCorked = false;
  #error: StoreError | undefined;
  #usedAt = performance.now();
  #heardAt = this.#usedAt;

  /**
   * @param timeoutMs longest time to wait for the answer to one request
   * @param onFailure an answer is late, or makes no sense. This is closed then
   */
  constructor(stream: Duplex, timeoutMs: number, onFailure: (error: StoreError) => void) {
    this.#stream = stream;
    this.#timeoutMs = timeoutMs;
    this.#onFailure = onFailure;
    this.#decoder = new ReplyDecoder({
      sink: () => {
        const sent = this.#sent[this.#first];
        return sent?.error === undefined ? sent?.sink : undefined;
      },
      reply: (reply) => this.#settle(reply),
    });
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#sent.length - this.#first;
  }

  /** When it last had something to do, by performance.now(). */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** When the server last sent something, by performance.now(). */
  get heardAt(): number {
    return this.#heardAt;
  }

  /**
   * Throws ReplyError, or StoreError if no answer comes.
   * @param sink for the strings of the answers
   * @param commands in `bytes`; if there are several, the answer to the last one is returned, and the first error thrown
   * @param asking the server is just taking over the slot of the key. That counts for one command only
   */
  send(bytes: Buffer, { sink, commands = 1, asking = false }: SendOptions = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined || !this.#stream.writable) {
        const { reason, message } = this.#error ?? connectionLost();
        reject(new StoreError(reason, message, { unsent: true }));
        return;
      }
      const at = performance.now();
      if (this.pending === 0) this.#usedAt = at;
      const skipped = asking ? 1 : 0;
      this.#sent.push({ sink, left: skipped + commands, skipped, error: undefined, at, resolve, reject });
      if (this.#timer === undefined) this.#watch(this.#timeoutMs);
      // What is sent in one turn goes out in one write.
      if (!this.#isCorked) {
        this.#isCorked = true;
        this.#stream.cork();
        process.nextTick(() => this.#uncork());
      }
      if (asking) this.#stream.write(ASKING);
      this.#stream.write(bytes);
    });
  }

  /** Nothing is sent or heard any more. What is under way fails with this. The stream is left to whoever made it. */
  close(error: StoreError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    clearTimeout(this.#timer);
    this.#uncork();
    const waiting = this.#sent.slice(this.#first);
    this.#sent = [];
    this.#first = 0;
    for (const { reject } of waiting) reject(error);
  }

  #uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#stream.uncork();
  }

  /** Takes what was received. */
  readonly receive: Reader = (slab, from, to) => {
    if (this.#error !== undefined) return to;
    this.#heardAt = performance.now();
    try {
      return this.#decoder.read(slab, from, to);
    } catch (error) {
      this.#fail(toStoreError(error));
      return to;
    }
  };

  #settle(reply: Reply | ReplyError): void {
    const sent = this.#sent[this.#first];
    if (sent === undefined) {
      this.#fail(new StoreError('other', 'Redis has answered what was not asked'));
      return;
    }
    if (reply instanceof ReplyError) sent.error ??= reply;
    else if (sent.skipped === 0 && sent.error === undefined) sent.sink?.end();
    if (sent.skipped > 0) sent.skipped--;
    if (--sent.left > 0) return;
    this.#first++;
    this.#turnAt = this.#heardAt;
    if (this.#first === this.#sent.length) {
      this.#sent.length = 0;
      this.#first = 0;
      this.#usedAt = this.#heardAt;
    } else if (this.#first === MOST_ANSWERED) {
      this.#sent = this.#sent.slice(MOST_ANSWERED);
      this.#first = 0;
    }
    if (sent.error !== undefined) sent.reject(sent.error);
    else sent.resolve(reply as Reply);
  }

  #watch(ms: number): void {
    // What came while this thread was busy is in the socket's buffer, and is read before this looks.
    this.#timer = setTimeout(() => setImmediate(() => this.#lookAtOldest()), ms);
  }

  #lookAtOldest(): void {
    this.#timer = undefined;
    const oldest = this.#sent[this.#first];
    if (oldest === undefined) return;
    // Batches read much, and there may be several on their way: on a slow line each has the time from its turn on.
    const since = oldest.sink === undefined ? oldest.at : Math.max(oldest.at, this.#turnAt);
    const left = since + this.#timeoutMs - performance.now();
    if (left > 0) this.#watch(left);
    else this.#fail(new StoreError('timeout', 'Redis did not answer in time'));
  }

  /** It is the oldest request's failure; the others only lose their connection. */
  #fail(error: StoreError): void {
    if (this.#error !== undefined) return;
    const oldest = this.#sent[this.#first];
    if (oldest !== undefined) {
      this.#first++;
      oldest.reject(error);
    }
    this.close(connectionLost());
    this.#onFailure(error);
  }
}
