import { Piscina } from 'piscina';
import type { RedisOptions } from '../redis/options.ts';
import type {
  CompactResult,
  CompactTask,
  IngestAnswer,
  IngestResult,
  PushResult,
  PushTask,
  Task,
} from '../workers/messages.ts';
import type { PieceTask } from './ingest/body-piece.ts';
import type { PieceText } from './ingest/piece-text.ts';
import { TextMemory } from './text-memory.ts';
import { UnderWay } from './under-way.ts';

/** Two, so that a thread parses one block while Redis stores another. */
const TASKS_PER_THREAD = 2;
/** Little of what a task leaves behind is in the heap: with the default of 48 a thread takes 20 MiB more, and no less time. */
const YOUNG_GENERATION_MB = 12;
/** The sweep sends one at a time. */
const SWEEP_TASKS = 1;

export interface WorkerPoolOptions {
  readonly threads: number;
  readonly redis: RedisOptions;
  /** A thread broke while it had no task; the pool replaces it. */
  onError(error: Error): void;
}

/**
 * The worker threads. The entry is named here and, to be built, in scripts/build.ts; it has our own extension, `.ts` or,
 * built, `.js`.
 */
export class WorkerPool {
  /** Tasks of bodies that may be under way at once; the callers keep to it. */
  readonly window: number;
  /**
   * Compactions that the queue may have under way at once, beside the tasks of bodies. They come to run in their turn;
   * one a thread, so that if all of them wait for a master that hangs, pushes to others still find a place.
   */
  readonly compactions: number;
  readonly threads: number;
  /** Bodies, and pieces of them: tasks but for compactions. */
  readonly storing = new UnderWay();
  readonly #pool: Piscina;
  readonly #texts: TextMemory;
  #inFlight = 0;

  constructor(options: WorkerPoolOptions) {
    this.threads = options.threads;
    this.window = TASKS_PER_THREAD * options.threads + 2;
    this.compactions = options.threads;
    this.#texts = new TextMemory(this.window);
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#pool = new Piscina({
      filename: new URL(`../workers/worker.${extension}`, import.meta.url).href,
      workerData: { redis: options.redis },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      minThreads: options.threads,
      maxThreads: options.threads,
      concurrentTasksPerWorker: TASKS_PER_THREAD,
      maxQueue: this.window + this.compactions + SWEEP_TASKS,
      // Else a task that finds all threads busy goes behind those that come after it.
      stricterFIFO: true,
      // By default an idle thread waits in a way that leaves its connection to Redis unattended.
      atomics: 'disabled',
      recordTiming: false,
    });
    this.#pool.on('error', options.onError);
  }

  /** Tasks that are not finished, queued ones included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get queueLength(): number {
    return this.#pool.queueSize;
  }

  /**
   * Moves a task and its text to a thread. Rejects only if the thread breaks: what Redis refuses is in the result. There
   * is no way to cancel a task; it ends by the command timeout at the latest.
   */
  async ingest(task: PieceTask, piece: PieceText): Promise<IngestResult> {
    const text = this.#texts.take(piece.byteLength);
    piece.copyTo(text);
    // Written out: V8 gives objects that are made by spreading a hidden class each, which no cache then knows.
    const { kind, format, last, whole, bodyId, declared, timestamps, ttlMs, identity, sequences } = task;
    const moved = {
      kind,
      text,
      format,
      last,
      whole,
      bodyId,
      declared,
      timestamps,
      ttlMs,
      identity,
      sequences,
    };
    const answer = await this.#store<IngestAnswer>(moved, text.buffer);
    this.#texts.give(answer.text);
    return answer.result;
  }

  /** Moves the body to a thread. Rejects only if the thread breaks. */
  push(task: PushTask): Promise<PushResult> {
    return this.#store(task, task.body);
  }

  compact(task: CompactTask): Promise<CompactResult> {
    return this.#run(task, []);
  }

  /** Ends the threads. Call it when no task is in flight: what is, fails. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #store<Answer>(task: Task, text: ArrayBuffer): Promise<Answer> {
    this.storing.begin();
    try {
      return await this.#run(task, [text]);
    } finally {
      this.storing.end();
    }
  }

  async #run<Answer>(task: Task, transferList: ArrayBuffer[]): Promise<Answer> {
    this.#inFlight += 1;
    try {
      return (await this.#pool.run(task, { transferList })) as Answer;
    } finally {
      this.#inFlight -= 1;
    }
  }
}
