/**
 * What passes between the server and its worker threads. The server imports this file and the URL of the entry, and
 * nothing else of the workers that holds state.
 */

export type TimestampPolicy = 'strip' | 'honor' | 'reject';

/** The format of a pushed body, from its content type. */
export type BodyFormat = 'text' | 'openmetrics' | 'protobuf';

/** What every task needs to know of the deployment; the main thread renews it when Redis is reached again. */
export interface StoreIdentity {
  /** 16 random bytes that key the hashes of the deployment's series. */
  readonly secret: Uint8Array;
}

/** One block of whole lines of an ingest body, or of whole metric families in another format. */
export interface IngestTask {
  readonly kind: 'ingest';
  /** The lines, or messages. Moved to the worker, not copied. */
  readonly text: Uint8Array<ArrayBuffer>;
  /** Default: text. */
  readonly format?: BodyFormat | undefined;
  /** Of a body in OpenMetrics: it ends here, so this has to end with `# EOF`. Default: it does. */
  readonly last?: boolean | undefined;
  /** The block is the whole body: nothing of it came before and nothing follows. */
  readonly whole: boolean;
  /** A random whole number below 2^48 that all blocks of one body share and no other body has. */
  readonly bodyId: number;
  /** Names that the body has declared as histogram or summary in the blocks before. Those of this one may be among them. */
  readonly declared?: DeclaredTypes | undefined;
  readonly timestamps: TimestampPolicy;
  /** Time to live of the samples, ms. 0: for ever. */
  readonly ttlMs: number;
  readonly identity: StoreIdentity;
  /**
   * For a block of a longer body: the sequence at which its writes to each bucket begin (see redis/sequences.ts), so
   * that the later of two blocks wins whichever reaches Redis first. Undefined: the commit script chooses.
   */
  readonly sequences?: Float64Array | undefined;
}

/**
 * The histogram and summary names of one body, as an append-only log that all of its tasks share: entries `h<name>\n`,
 * `s<name>\n` or `g<name>\n` (of a gauge histogram) in UTF-8, escaped as between quotes. A task reads the first `length`
 * bytes.
 */
export interface DeclaredTypes {
  readonly log: SharedArrayBuffer;
  readonly length: number;
}

/** Clean up one family: see redis/compaction.ts. */
export interface CompactTask {
  readonly kind: 'compact';
  readonly family: string;
  /** Leave it if it was cleaned up less than this many ms ago, by whichever gateway. 0: do it. */
  readonly unlessWithinMs: number;
  /** Leave it if it has not outgrown what lives in it, or has been compacted since it had. */
  readonly onlyIfWanted?: boolean;
  /** Leave it to another gateway whose compaction of it began less than so many ms ago. 0: stop that one. */
  readonly yieldMs: number;
}

/** The labels that name a group, sorted by name (as bytes), each name once, `job` among them unless it may be absent. */
export type GroupingKey = ReadonlyArray<readonly [name: string, value: string]>;

/** `put` replaces the whole group, `post` the families that the body names, `merge` the series that it names. */
export type PushMode = 'put' | 'post' | 'merge';

/** A whole body for one group: stored whole or not at all. */
export interface PushTask {
  readonly kind: 'push';
  /** Decoded. Moved to the worker, not copied. */
  readonly body: ArrayBuffer;
  readonly format: BodyFormat;
  readonly group: GroupingKey;
  readonly mode: PushMode;
  /** Time to live of the whole group from now on, ms. 0: for ever. */
  readonly ttlMs: number;
  readonly timestamps: TimestampPolicy;
  /** Whether names may have characters outside the classic alphabet. */
  readonly utf8Names: boolean;
  readonly identity: StoreIdentity;
}

export type Task = IngestTask | CompactTask | PushTask;

/** Why a line, or the samples on it, were not stored. Also the `reason` label of the rejected-samples counter. */
export type RejectReason =
  | 'syntax'
  | 'type_conflict'
  | 'reserved_name'
  | 'incomplete_histogram'
  | 'timestamp'
  | 'limit';

export interface LineError {
  /** Counted from 1 within the block. In protobuf the messages are counted instead. */
  readonly line: number;
  readonly message: string;
}

/** At most this many errors are kept of one block, and of one body. */
export const MAX_ERRORS = 20;

export interface IngestResult {
  readonly kind: 'ingest';
  /** Lines in the block, or messages, for the numbering of the blocks that follow. */
  readonly lines: number;
  /** Samples that Redis has acknowledged. */
  readonly accepted: number;
  /** Lines that were refused, by reason. */
  readonly rejected: Readonly<Partial<Record<RejectReason, number>>>;
  /** The first of them, in order of their lines. */
  readonly errors: readonly LineError[];
  /** Of a format in which a problem may end the body: that the rest could not be read, or has no end, and why. */
  readonly malformed?: string | undefined;
  /** Redis did not acknowledge some of the block: how many samples, and why. */
  readonly failure?: RedisFailure | undefined;
  /** Families that hold as much dead weight as live: send a CompactTask for each. */
  readonly compact: readonly string[];
  readonly blocksWritten: number;
  /** Time from the first command to the last answer, ms. */
  readonly redisMs: number;
}

/** What the worker answers: the memory of the text goes back with the result. */
export interface IngestAnswer {
  readonly result: IngestResult;
  readonly text: ArrayBuffer;
}

export interface RedisFailure {
  /** Short and stable, for a label: `timeout`, `connection`, `oom`, `loading`, `readonly`, … */
  readonly reason: string;
  readonly message: string;
  readonly notStored: number;
  /** The identity in the task is not the one that Redis holds: fetch it anew before the next task. */
  readonly staleIdentity?: true;
}

export interface CompactResult {
  readonly kind: 'compact';
  readonly blocksRemoved: number;
  readonly blocksRewritten: number;
  /** Another gateway compacts the family just now. */
  readonly isBusy?: true;
  readonly failure?: Omit<RedisFailure, 'notStored'>;
}

export interface PushResult {
  readonly kind: 'push';
  /**
   * `malformed`: the body cannot be read, and the group is as it was. `inconsistent`: refused by the consistency check;
   * only push_failure_time_seconds of the group has changed. `failed`: Redis did not do it, see `failure`.
   */
  readonly outcome: 'stored' | 'malformed' | 'inconsistent' | 'failed';
  /** Why it was not stored: plain text for the sender, without a newline at the end. */
  readonly message?: string;
  readonly failure?: Omit<RedisFailure, 'notStored'>;
  readonly samples: number;
  readonly compact: readonly string[];
  readonly blocksWritten: number;
  readonly redisMs: number;
}
