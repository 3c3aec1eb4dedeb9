import type { StoreError } from '../redis/failure.ts';
import type { Converted } from './exposition/converted.ts';
import type { ParsedBlock } from './exposition/text-parser.ts';
import {
  type IngestResult,
  type LineError,
  MAX_ERRORS,
  type RedisFailure,
  type RejectReason,
} from './messages.ts';

/** Adds up what became of the lines of one block. */
export class IngestTally {
  readonly #converted: Converted | undefined;
  readonly #rejected: Partial<Record<RejectReason, number>> = {};
  readonly #errors: LineError[] = [];
  readonly #compact = new Set<string>();
  #lines = 0;
  #accepted = 0;
  #notStored = 0;
  #lost: StoreError | undefined;
  #failure: Omit<RedisFailure, 'notStored'> | undefined;
  #blocksWritten = 0;
  #redisMs = 0;

  /** @param converted what the block was made from, if it was not text */
  constructor(converted?: Converted) {
    this.#converted = converted;
    if (converted === undefined) return;
    this.#errors.push(...converted.errors);
    for (const [reason, lines] of Object.entries(converted.rejected)) {
      this.refused(reason as RejectReason, lines, []);
    }
  }

  /** Lines of the text that have been read. */
  get lines(): number {
    return this.#lines;
  }

  /** The line of the body that a line of the text comes from. */
  sourceOf(line: number): number {
    return this.#converted?.lines === undefined ? line : (this.#converted.lines[line - 1] ?? 0);
  }

  /** Counts the lines of a part of the block, and those of them that are refused already. */
  read({ lines, rejected, errors }: ParsedBlock): void {
    for (const reason of Object.keys(rejected) as RejectReason[])
      this.refused(reason, rejected[reason] ?? 0, []);
    this.#errors.push(
      ...errors.map(({ line, message }) => ({ line: this.sourceOf(line + this.#lines), message })),
    );
    this.#lines += lines;
  }

  stored(samples: number): void {
    this.#accepted += samples;
    this.#blocksWritten++;
  }

  wantsCompaction(family: string): void {
    this.#compact.add(family);
  }

  /** @param errors as many as are worth telling: the first ones of what is refused */
  refused(reason: RejectReason, lines: number, errors: Iterable<LineError>): void {
    if (lines > 0) this.#rejected[reason] = (this.#rejected[reason] ?? 0) + lines;
    this.#errors.push(...errors);
  }

  /** The failure after which nothing more need be sent: Redis does not answer. */
  get lost(): StoreError | undefined {
    return this.#lost;
  }

  failed(error: StoreError, samples: number): void {
    if (error.reason === 'timeout' || error.reason === 'connection') this.#lost ??= error;
    this.#notStored += samples;
    const stale = error.reason === 'identity' ? { staleIdentity: true as const } : {};
    this.#failure ??= { reason: error.reason, message: error.message, ...stale };
  }

  spent(redisMs: number): void {
    this.#redisMs += redisMs;
  }

  result(): IngestResult {
    const failure = this.#failure && { ...this.#failure, notStored: this.#notStored };
    return {
      kind: 'ingest',
      lines: this.#converted?.sourceLines ?? this.#lines,
      accepted: this.#accepted,
      rejected: this.#rejected,
      errors: this.#errors.sort((a, b) => a.line - b.line).slice(0, MAX_ERRORS),
      malformed: this.#converted?.problem?.message,
      failure,
      compact: [...this.#compact],
      blocksWritten: this.#blocksWritten,
      redisMs: this.#redisMs,
    };
  }
}
