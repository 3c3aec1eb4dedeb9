import { escapeQuoted } from '../../redis/label-text.ts';
import { KIB, MIB } from '../../units.ts';
import {
  forEachInstanceType,
  isInstanceType,
  type MetricType,
} from '../../workers/exposition/comment-line.ts';
import type { DeclaredTypes } from '../../workers/messages.ts';

/** Names of so many bytes in all may be declared by one body, up to its last block. */
const MAX_LOG_BYTES = 8 * MIB;

const FIRST_LOG_BYTES = 4 * KIB;

export class DeclaredTypesError extends Error {
  override readonly name = 'DeclaredTypesError';
  readonly code = 'ERR_TOO_MANY_TYPES';

  constructor() {
    super(`the names of the body's histograms and summaries are longer than ${MAX_LOG_BYTES} bytes together`);
  }
}

/**
 * The histograms and summaries that one body has declared so far, in memory that its tasks in all threads share: the
 * families of a body may be interleaved, so a line may need the TYPE of a much earlier block.
 */
export class DeclaredTypesLog {
  readonly #kinds = new Map<string, 'histogram' | 'summary'>();
  #log: SharedArrayBuffer | undefined;
  #length = 0;

  /** Takes note of all TYPE lines of a text. @throws DeclaredTypesError */
  add(text: Buffer): void {
    forEachInstanceType(text, (name, type) => this.declare(name, type));
  }

  /** The first declaration of a name counts. @throws DeclaredTypesError */
  declare(name: string, type: MetricType): void {
    if (!isInstanceType(type) || this.#kinds.has(name)) return;
    this.#append(Buffer.from(`${type[0]}${escapeQuoted(name)}\n`));
    this.#kinds.set(name, type === 'summary' ? 'summary' : 'histogram');
  }

  kindOf(name: string): 'histogram' | 'summary' | undefined {
    return this.#kinds.get(name);
  }

  /** What has been declared up to now, for the worker threads; undefined if that is nothing. */
  snapshot(): DeclaredTypes | undefined {
    return this.#log && { log: this.#log, length: this.#length };
  }

  #append(entry: Buffer): void {
    const needed = this.#length + entry.length;
    if (needed > MAX_LOG_BYTES) throw new DeclaredTypesError();
    this.#log ??= new SharedArrayBuffer(FIRST_LOG_BYTES, { maxByteLength: MAX_LOG_BYTES });
    if (needed > this.#log.byteLength) {
      this.#log.grow(Math.min(MAX_LOG_BYTES, Math.max(needed, this.#log.byteLength * 2)));
    }
    new Uint8Array(this.#log, this.#length, entry.length).set(entry);
    this.#length = needed;
  }
}
