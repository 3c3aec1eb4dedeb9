import { type CommitOptions, commit } from '../redis/block-store.ts';
import { Arena } from '../redis/byte-pool.ts';
import type { RedisConnection } from '../redis/client.ts';
import { compactFamily } from '../redis/compaction.ts';
import { StoreError, toStoreError } from '../redis/failure.ts';
import { fingerprint } from '../redis/identity-secret.ts';
import type { Keys } from '../redis/keys.ts';
import { Retries } from '../redis/retries.ts';
import { SECOND } from '../units.ts';
import { BlockBuilder } from './block-builder.ts';
import { type InstanceType, isInstanceType } from './exposition/comment-line.ts';
import { convert } from './exposition/convert.ts';
import { DeclaredReader } from './exposition/declared-reader.ts';
import type { DeclaredInstances } from './exposition/families.ts';
import { type ParsedBlock, TextParser } from './exposition/text-parser.ts';
import { SeriesHash } from './identity.ts';
import { refuse, refuseReserved } from './ingest-refusal.ts';
import { IngestTally } from './ingest-tally.ts';
import type { IngestResult, IngestTask } from './messages.ts';
import {
  asFailed,
  asFamily,
  type LineSource,
  samplesOf,
  type TaskFamily,
  type TaskPiece,
  textsOf,
} from './task-family.ts';

/** A family that stands in the way is cleaned up before it is believed to live, but not more often than this. */
const RECHECK_MS = 10 * SECOND;

/** Parses blocks of lines and stores them. One for each thread and secret. */
export class Ingester {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #secret: Uint8Array;
  readonly #fingerprint: string;
  readonly #parser: TextParser;
  readonly #builder: BlockBuilder;
  readonly #declared = new DeclaredReader();
  readonly #retries: Retries;
  readonly #arenas = Arena.pool();

  constructor(
    connection: RedisConnection,
    keys: Keys,
    secret: Uint8Array,
    retries = new Retries(connection),
  ) {
    this.#connection = connection;
    this.#retries = retries;
    this.#keys = keys;
    this.#secret = secret;
    this.#fingerprint = fingerprint(secret);
    const hash = new SeriesHash(secret);
    this.#parser = new TextParser(hash);
    this.#builder = new BlockBuilder(hash);
  }

  isKeyedWith(secret: Uint8Array): boolean {
    return Buffer.compare(this.#secret, secret) === 0;
  }

  /** Does not throw for anything that Redis does: that is in the result. */
  async run(task: IngestTask): Promise<IngestResult> {
    const pushed = Buffer.from(task.text.buffer, task.text.byteOffset, task.text.byteLength);
    const converted = convert(pushed, task.format, {
      strict: false,
      last: task.last ?? true,
    });
    const tally = new IngestTally(converted);
    const arena = new Arena(this.#arenas);
    const before = this.#declared.read(task.bodyId, task.declared);
    let declared = before;
    let text = converted?.text ?? pushed;
    // What was converted has only whole families in it.
    let whole = task.whole || converted !== undefined;
    let offset = 0;
    do {
      const parsed = this.#parser.parse(text, {
        timestamps: task.timestamps,
        whole,
        declared,
        extended: converted !== undefined,
      });
      // What all of the text declares has been looked for.
      if (parsed.consumed < text.length && declared === before) declared = this.#parser.declared();
      const linesBefore = tally.lines;
      const prepared = this.#prepare(parsed, (line) => tally.sourceOf(linesBefore + line), offset, arena);
      tally.read(parsed);
      const families = prepared.filter((family) => !refuseReserved(family, tally));
      const taken = await this.#store(task, families, tally);
      if (taken.length > 0) await this.#retry(task, taken, tally, arena);
      offset += families.reduce((most, { blocks }) => Math.max(most, blocks.length), 1);
      arena.release();
      text = text.subarray(parsed.consumed);
      whole = converted !== undefined;
    } while (text.length > 0);
    return tally.result();
  }

  // Everything that is needed after the first wait is copied here: the parser and the builder serve other tasks then.
  #prepare(
    parsed: ParsedBlock,
    sourceOf: (line: number) => number,
    offset: number,
    arena: Arena,
  ): TaskFamily[] {
    const families: TaskFamily[] = [];
    const built = this.#builder.build(parsed, arena);
    const source: LineSource = { firstLines: this.#builder.linesOf(parsed), sourceOf };
    for (let index = 0; index < built.length; index++) {
      const blocks = built[index];
      const { name, kind, type, help, unit, firstLine, typeLine } = parsed.families[index];
      if (blocks.length === 0 && type === undefined && help === undefined && unit === undefined) continue;
      families.push({
        name,
        kind,
        type,
        help,
        unit,
        blocks,
        offset,
        source,
        metadataLine: sourceOf(typeLine || firstLine),
      });
    }
    return families;
  }

  /** Commits families and counts what came of it. Returns the pieces whose name or type is taken: nothing of them is. */
  async #store(task: IngestTask, families: readonly TaskFamily[], tally: IngestTally): Promise<TaskPiece[]> {
    const start = performance.now();
    const pieces = tally.lost ? asFailed(families, tally.lost) : await this.#commit(task, families);
    tally.spent(performance.now() - start);
    const taken: TaskPiece[] = [];
    for (const piece of pieces) {
      const { family, from, to, outcome } = piece;
      if (outcome.status === 'stored') {
        for (let block = from; block < to; block++) tally.stored(family.blocks[block].samples);
        if (outcome.wantsCompaction) tally.wantsCompaction(family.name);
      } else if (outcome.status === 'taken') {
        taken.push(piece);
      } else {
        const error =
          outcome.status === 'failed'
            ? outcome.error
            : new StoreError(
                'identity',
                'Redis holds data of another secret; the secret is being looked up again',
              );
        tally.failed(error, samplesOf(piece));
      }
    }
    return taken;
  }

  async #commit(task: IngestTask, families: readonly TaskFamily[]): Promise<TaskPiece[]> {
    const options = {
      ttlMs: task.ttlMs,
      sequences: task.sequences,
      fingerprint: this.#fingerprint,
      replaceObsolete: false,
    };
    try {
      const pieces = await this.#persist(families, options);
      if (!pieces.some((piece) => piece.outcome.status === 'rekey')) return pieces;
      // A family under another secret. If ours is the one that Redis holds, the family is a leftover of a lost one.
      const held = await this.#connection.command('GET', this.#keys.secret);
      if (!Buffer.isBuffer(held) || !this.isKeyedWith(held)) return pieces;
      const again = pieces.filter((piece) => piece.outcome.status === 'rekey').map(asFamily);
      const rest = pieces.filter((piece) => piece.outcome.status !== 'rekey');
      return [...rest, ...(await this.#persist(again, { ...options, replaceObsolete: true }))];
    } catch (thrown) {
      return asFailed(families, toStoreError(thrown));
    }
  }

  /** Commits families, and again those pieces of them that have failed in passing. Does not throw. */
  async #persist(families: readonly TaskFamily[], options: CommitOptions): Promise<TaskPiece[]> {
    const settled: TaskPiece[] = [];
    let left = families;
    const failed = await this.#retries.run(
      async () => {
        const pieces = await commit(this.#connection, this.#keys, left, options);
        const again = pieces.filter(failsInPassing);
        for (const piece of pieces) if (!failsInPassing(piece)) settled.push(piece);
        left = again.map(asFamily);
        return again;
      },
      ([first]) => (first?.outcome.status === 'failed' ? first.outcome.error : undefined),
    );
    return failed.length === 0 ? settled : [...settled, ...failed];
  }

  /*
   * What was refused because a name or type is taken gets a second try, for two reasons. The family in the way may have
   * ended without anybody noticing (its deadline is that of its longest-lived block, even if newer ones hide it): so it
   * is cleaned up first. And samples without TYPE may belong to a histogram or summary that is there already: then they
   * are read again as such.
   */
  async #retry(
    task: IngestTask,
    taken: readonly TaskPiece[],
    tally: IngestTally,
    arena: Arena,
  ): Promise<void> {
    const hints = new Map<string, InstanceType>();
    const asTheyAre: TaskFamily[] = [];
    const asInstances: TaskPiece[] = [];
    const inTheWay = new Set<string>();
    for (const piece of taken) {
      if (piece.outcome.status !== 'taken') continue;
      const { family, type } = piece.outcome;
      if (piece.family.type === undefined && isInstanceType(type)) {
        hints.set(family, type);
        asInstances.push(piece);
      } else {
        inTheWay.add(family);
        asTheyAre.push(asFamily(piece));
      }
    }
    for (const family of inTheWay) {
      await compactFamily(this.#connection, this.#keys, family, { unlessWithinMs: RECHECK_MS }).catch(
        () => {},
      );
    }
    const families = [...asTheyAre, ...this.#reread(task, asInstances, hints, tally, arena)];
    for (const piece of await this.#store(task, families, tally)) refuse(piece, tally);
  }

  #reread(
    task: IngestTask,
    pieces: readonly TaskPiece[],
    hints: DeclaredInstances,
    tally: IngestTally,
    arena: Arena,
  ): TaskFamily[] {
    if (pieces.length === 0) return [];
    // Samples without TYPE are plain, one line each; back to the order of the body, which tells whose they are.
    const texts: Array<{ line: number; text: Buffer }> = [];
    for (const { family, from, to } of pieces) {
      for (let block = from; block < to; block++) texts.push(...textsOf(family, block));
    }
    texts.sort((a, b) => a.line - b.line);
    const parsed = this.#parser.parse(Buffer.concat(texts.map(({ text }) => text)), {
      timestamps: task.timestamps,
      // What does not say what it is has to be complete: a lone `x_count` must not replace a histogram by a part of one.
      whole: false,
      declared: hints,
      extended: task.format !== undefined && task.format !== 'text',
    });
    const lineOf = (line: number): number => texts[line - 1]?.line ?? 0;
    for (const [reason, lines] of Object.entries(parsed.rejected)) {
      tally.refused(reason as keyof typeof parsed.rejected, lines, []);
    }
    tally.refused(
      'syntax',
      0,
      parsed.errors.map(({ line, message }) => ({ line: lineOf(line), message })),
    );
    const offset = Math.max(...pieces.map(({ family }) => family.offset));
    return this.#prepare(parsed, lineOf, offset, arena).map((family) => ({
      ...family,
      // Not declared by this body: the family has its type already.
      type: undefined,
    }));
  }
}

function failsInPassing({ outcome }: TaskPiece): boolean {
  return outcome.status === 'failed' && outcome.error.passing;
}
