import { randomInt } from 'node:crypto';
import { type Duplex, pipeline, type Readable } from 'node:stream';
import { type FailureReason, StoreError } from '../../redis/failure.ts';
import type { Store } from '../../redis/store.ts';
import type {
  BodyFormat,
  IngestResult,
  RedisFailure,
  StoreIdentity,
  TimestampPolicy,
} from '../../workers/messages.ts';
import type { Turns } from '../admission.ts';
import type { CompactionQueue } from '../compaction-queue.ts';
import { createDecoder, encodingProblem } from '../encoding/decoder.ts';
import { RequestError } from '../errors.ts';
import type { ContentEncoding } from '../middleware/content-encoding.ts';
import type { WorkerPool } from '../worker-pool.ts';
import type { BodyPiece, PieceTask } from './body-piece.ts';
import { BodySequences } from './body-sequences.ts';
import { DeclaredTypesError, DeclaredTypesLog } from './declared-types.ts';
import { familyPieces } from './family-pieces.ts';
import { IngestReport } from './ingest-report.ts';
import { LineTooLongError, lineBlocks } from './line-blocks.ts';
import { messagePieces } from './message-pieces.ts';
import type { PieceText } from './piece-text.ts';

const WORKER_BROKE =
  'a worker thread broke: beyond what is counted, some of the piece that it was storing may be stored';

/** Pieces of a body whose families are still to be compacted, when it goes on: a body may repeat its series for ever. */
const MOST_UNCOMPACTED = 4;

export interface IngestDeps {
  readonly store: Pick<Store, 'openSequences' | 'refreshIdentity'>;
  readonly pool: Pick<WorkerPool, 'ingest'>;
  /** One for each task that may be under way, shared by all bodies. */
  readonly taskTurns: Turns;
  readonly compaction: Pick<CompactionQueue, 'add'>;
  readonly timestamps: TimestampPolicy;
  readonly maxLineBytes: number;
  /** How large a block should be just now. */
  targetBytes(): number;
  onResult(result: IngestResult): void;
}

export interface IngestBody {
  readonly source: Readable;
  readonly encoding: ContentEncoding;
  /** Default: text. */
  readonly format?: BodyFormat;
  readonly identity: StoreIdentity;
  /** Of its samples; 0: for ever. */
  readonly ttlMs: number;
}

/**
 * Takes a body to Redis, piece by piece, as fast as the workers take them, and no faster than compaction removes what the
 * pieces have overwritten. Resolves when nothing of it is under way any more, and the compactions that it has made
 * necessary have ended; does not reject: what ended the body early, and it ends at the first failure, is in the report.
 */
export function ingestBody(body: IngestBody, deps: IngestDeps): Promise<IngestReport> {
  return new BodyIngest(body, deps).run();
}

class BodyIngest {
  readonly #deps: IngestDeps;
  readonly #identity: StoreIdentity;
  readonly #ttlMs: number;
  readonly #format: BodyFormat;
  readonly #pieces: Readable;
  readonly #bodyId = randomInt(2 ** 48 - 1);
  readonly #sequences: BodySequences;
  readonly #report = new IngestReport();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #compactions = new Set<Promise<void>>();
  #isStopped = false;
  /** Who waits is told that it has been stopped. Most bodies do without: it takes 20 µs to make one. */
  #stopping: AbortController | undefined;
  #sent = 0;

  constructor({ source, encoding, format = 'text', identity, ttlMs }: IngestBody, deps: IngestDeps) {
    this.#deps = deps;
    this.#identity = identity;
    this.#ttlMs = ttlMs;
    this.#format = format;
    this.#sequences = new BodySequences((above) => deps.store.openSequences(above));
    const blocks = this.#cutter();
    // Errors come out of the last stream, whichever it was that failed, after the block that is just being sent. If it
    // was the source, whose sender has gone or was cut off, that block is not sent either.
    const onEnd = (error: unknown): void => {
      if (error instanceof RequestError) this.#stop(error);
    };
    const decoder = createDecoder(encoding);
    if (decoder !== undefined) pipeline(source, decoder, blocks, onEnd);
    else join(source, blocks, onEnd);
    this.#pieces = blocks;
  }

  #cutter(): Duplex {
    const { maxLineBytes } = this.#deps;
    const targetBytes = (): number => this.#deps.targetBytes();
    if (this.#format === 'protobuf') return messagePieces(targetBytes);
    if (this.#format === 'openmetrics') return familyPieces({ maxLineBytes, targetBytes });
    const declared = new DeclaredTypesLog();
    return lineBlocks({ maxLineBytes, targetBytes, secret: this.#identity.secret, declared });
  }

  async run(): Promise<IngestReport> {
    // The first piece waits for the second, or for the end: only a body of one piece goes without sequences.
    let first: BodyPiece | undefined;
    try {
      for await (const piece of this.#pieces as AsyncIterable<BodyPiece>) {
        if (piece.problem === undefined && this.#sent === 0 && first === undefined) {
          first = piece;
          continue;
        }
        if (first !== undefined) await this.#send(first, false);
        first = undefined;
        // A piece that ends the body with a problem may have nothing in it.
        if (piece.text.byteLength > 0) await this.#send(piece, false);
        if (piece.problem !== undefined) throw piece.problem;
      }
      if (first !== undefined) await this.#send(first, true);
    } catch (error) {
      this.#stop(bodyError(error));
    }
    await Promise.all(this.#inFlight);
    // Who is told of a failure of Redis is told at once.
    if (!(this.#report.error instanceof StoreError)) await Promise.all(this.#compactions);
    return this.#report;
  }

  async #send({ text, declared, last = false }: BodyPiece, whole: boolean): Promise<void> {
    const { taskTurns, timestamps } = this.#deps;
    while (this.#compactions.size > MOST_UNCOMPACTED && !this.#isStopped) {
      await Promise.race(this.#compactions);
    }
    if (this.#isStopped) throw this.#report.error;
    if (!taskTurns.tryTake()) {
      this.#stopping ??= new AbortController();
      await taskTurns.take(this.#stopping.signal);
    }
    let task: PieceTask;
    try {
      const sequences = whole ? undefined : await this.#sequences.next();
      if (this.#isStopped) throw this.#report.error;
      const format = this.#format;
      task = {
        kind: 'ingest',
        format,
        last: format === 'text' ? undefined : last,
        whole,
        bodyId: this.#bodyId,
        declared,
        timestamps,
        ttlMs: this.#ttlMs,
        identity: this.#identity,
        sequences,
      };
    } catch (error) {
      taskTurns.give();
      throw error;
    }
    const done = this.#store(task, text, this.#sent++).finally(() => {
      taskTurns.give();
      this.#inFlight.delete(done);
    });
    this.#inFlight.add(done);
  }

  async #store(task: PieceTask, text: PieceText, ordinal: number): Promise<void> {
    let result: IngestResult;
    try {
      result = await this.#deps.pool.ingest(task, text);
    } catch (error) {
      this.#stop(new RequestError('ERR_WORKER_BROKE', WORKER_BROKE, { cause: error }));
      return;
    }
    this.#report.add(ordinal, result);
    this.#deps.onResult(result);
    this.#compact(result.compact);
    if (result.failure) await this.#failed(result.failure);
    if (result.malformed) this.#stop(new RequestError('ERR_BAD_BODY', result.malformed));
  }

  #compact(families: readonly string[]): void {
    if (families.length === 0) return;
    const done = this.#deps.compaction.add(families).finally(() => this.#compactions.delete(done));
    this.#compactions.add(done);
  }

  async #failed({ reason, message, staleIdentity }: RedisFailure): Promise<void> {
    this.#stop(new StoreError(reason as FailureReason, message));
    // For the pushes to come. If it fails the store is not ready, and says why.
    if (staleIdentity) await this.#deps.store.refreshIdentity().catch(() => {});
  }

  /** No further block is read or sent. */
  #stop(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#report.error = error;
    this.#stopping?.abort(error);
    this.#pieces.destroy(error as Error);
  }
}

/** As pipeline() for two, which takes 30 µs more: it makes an error, with its stack, to end what has come to its end anyway. */
function join(source: Readable, sink: Duplex, onError: (error: Error) => void): void {
  source.on('error', (error) => {
    sink.destroy(error);
    onError(error);
  });
  sink.on('error', onError).on('close', () => source.destroy());
  source.pipe(sink);
}

/** What the sender is told of what its bytes have done. */
function bodyError(error: unknown): unknown {
  if (error instanceof LineTooLongError || error instanceof DeclaredTypesError) {
    return new RequestError(error.code, error.message, { cause: error });
  }
  return encodingProblem(error) ?? error;
}
