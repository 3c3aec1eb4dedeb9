import { commit, type FamilyWrite, type Piece } from '../redis/block-store.ts';
import type { RedisConnection } from '../redis/client.ts';
import { compactFamily } from '../redis/compaction.ts';
import { StoreError, toStoreError } from '../redis/failure.ts';
import { GROUP_METRIC_NAMES } from '../redis/group-metrics.ts';
import { fingerprint } from '../redis/identity-secret.ts';
import type { Keys } from '../redis/keys.ts';
import { SECOND } from '../units.ts';
import { BlockBuilder } from './block-builder.ts';
import { entryTexts } from './entry-texts.ts';
import { convert } from './exposition/convert.ts';
import { DeclaredReader } from './exposition/declared-reader.ts';
import { type ParsedBlock, TextParser } from './exposition/text-parser.ts';
import { SeriesHash } from './identity.ts';
import { IngestTally } from './ingest-tally.ts';
import { type IngestResult, type IngestTask, MAX_ERRORS } from './messages.ts';

/** A connection that has just broken is given this long to come back before the block is given up. */
const RECONNECT_MS = 1 * SECOND;
/** A family that stands in the way is cleaned up before it is believed to live, but not more often than this. */
const RECHECK_MS = 10 * SECOND;

/** A family of one task, with what it takes to say which lines a block was made from. */
interface TaskFamily extends FamilyWrite {
  /** For each block, the first line of each of its entries. */
  readonly lines: readonly Int32Array[];
  /** For each block, the samples it was made from. */
  readonly samples: readonly number[];
  /** Line of its TYPE declaration, or of HELP: what is refused if it has no samples. */
  readonly metadataLine: number;
}

type TaskPiece = Piece<TaskFamily>;

/** Parses blocks of lines and stores them. One for each thread and secret. */
export class Ingester {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #secret: Uint8Array;
  readonly #fingerprint: string;
  readonly #parser: TextParser;
  readonly #builder: BlockBuilder;
  readonly #declared = new DeclaredReader();

  constructor(connection: RedisConnection, keys: Keys, secret: Uint8Array) {
    this.#connection = connection;
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
    const converted = convert(Buffer.from(task.text), task.format, {
      strict: false,
      last: task.last ?? true,
    });
    const tally = new IngestTally(converted);
    const declared = this.#declared.read(task.bodyId, task.declared);
    let text = converted?.text ?? Buffer.from(task.text);
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
      const linesBefore = tally.lines;
      const prepared = this.#prepare(parsed, (line) => tally.sourceOf(linesBefore + line), offset);
      tally.read(parsed);
      const families = prepared.filter((family) => !refuseReserved(family, tally));
      const taken = await this.#store(task, families, tally);
      if (taken.length > 0) await this.#retry(task, taken, tally);
      offset += Math.max(1, ...families.map(({ blocks }) => blocks.length));
      text = text.subarray(parsed.consumed);
      whole = converted !== undefined;
    } while (text.length > 0);
    return tally.result();
  }

  // Everything that is needed after the first wait is copied here: the parser and the builder serve other tasks then.
  #prepare(parsed: ParsedBlock, sourceOf: (line: number) => number, offset: number): TaskFamily[] {
    const families: TaskFamily[] = [];
    for (const { index, blocks } of this.#builder.build(parsed)) {
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
        lines: blocks.map(({ from, to }) => this.#builder.linesOf(parsed, from, to, 0).map(sourceOf)),
        samples: blocks.map((block) => block.samples),
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
        for (let block = from; block < to; block++) tally.stored(family.samples[block]);
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
      if (families.length > 0) await this.#connection.whenUp(RECONNECT_MS);
      const pieces = await commit(this.#connection, this.#keys, families, options);
      if (!pieces.some((piece) => piece.outcome.status === 'rekey')) return pieces;
      // A family under another secret. If ours is the one that Redis holds, the family is a leftover of a lost one.
      const held = await this.#connection.command('GET', this.#keys.secret);
      if (!Buffer.isBuffer(held) || !this.isKeyedWith(held)) return pieces;
      const again = pieces.filter((piece) => piece.outcome.status === 'rekey').map(asFamily);
      const rest = pieces.filter((piece) => piece.outcome.status !== 'rekey');
      return [
        ...rest,
        ...(await commit(this.#connection, this.#keys, again, { ...options, replaceObsolete: true })),
      ];
    } catch (thrown) {
      return asFailed(families, toStoreError(thrown));
    }
  }

  /*
   * What was refused because a name or type is taken gets a second try, for two reasons. The family in the way may have
   * ended without anybody noticing (its deadline is that of its longest-lived block, even if newer ones hide it): so it
   * is cleaned up first. And samples without TYPE may belong to a histogram or summary that is there already: then they
   * are read again as such.
   */
  async #retry(task: IngestTask, taken: readonly TaskPiece[], tally: IngestTally): Promise<void> {
    const hints = new Map<string, 'histogram' | 'summary'>();
    const asTheyAre: TaskFamily[] = [];
    const asInstances: TaskPiece[] = [];
    const inTheWay = new Set<string>();
    for (const piece of taken) {
      if (piece.outcome.status !== 'taken') continue;
      const { family, type } = piece.outcome;
      if (piece.family.type === undefined && (type === 'histogram' || type === 'summary')) {
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
    const families = [...asTheyAre, ...this.#reread(task, asInstances, hints, tally)];
    for (const piece of await this.#store(task, families, tally)) refuse(piece, tally);
  }

  #reread(
    task: IngestTask,
    pieces: readonly TaskPiece[],
    hints: ReadonlyMap<string, 'histogram' | 'summary'>,
    tally: IngestTally,
  ): TaskFamily[] {
    if (pieces.length === 0) return [];
    // Samples without TYPE are plain, one line each; back to the order of the body, which tells whose they are.
    const texts: Array<{ line: number; text: Buffer }> = [];
    for (const { family, from, to } of pieces) {
      for (let block = from; block < to; block++) texts.push(...linesOf(family, block));
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
    return this.#prepare(parsed, lineOf, offset).map((family) => ({
      ...family,
      // Not declared by this body: the family has its type already.
      type: undefined,
    }));
  }
}

function asFailed(families: readonly TaskFamily[], error: StoreError): TaskPiece[] {
  return families.map((family) => {
    return { family, from: 0, to: family.blocks.length, outcome: { status: 'failed', error } };
  });
}

function asFamily({ family, from, to }: TaskPiece): TaskFamily {
  return {
    ...family,
    offset: family.offset + from,
    blocks: family.blocks.slice(from, to),
    lines: family.lines.slice(from, to),
    samples: family.samples.slice(from, to),
  };
}

function samplesOf({ family, from, to }: Omit<TaskPiece, 'outcome'>): number {
  return family.samples.slice(from, to).reduce((sum, samples) => sum + samples, 0);
}

function linesOf(family: TaskFamily, block: number): Array<{ line: number; text: Buffer }> {
  const texts = entryTexts(family.blocks[block].payload);
  return Array.from(family.lines[block], (line, entry) => ({ line, text: texts[entry] }));
}

/** Refuses a family that the store makes itself; returns whether it is one. */
function refuseReserved(family: TaskFamily, tally: IngestTally): boolean {
  if (!GROUP_METRIC_NAMES.has(family.name)) return false;
  const message = `${family.name} is reserved: the gateway tells by it of pushes to groups`;
  const lines = firstLines(family, 0, family.blocks.length);
  tally.refused(
    'reserved_name',
    samplesOf({ family, from: 0, to: family.blocks.length }),
    (lines.length > 0 ? lines : [family.metadataLine]).map((line) => ({ line, message })),
  );
  return true;
}

/** The lines of the entries of some blocks, as many as are worth telling. */
function firstLines(family: TaskFamily, from: number, to: number): number[] {
  const lines = family.lines.slice(from, to).flatMap((block) => [...block.subarray(0, MAX_ERRORS)]);
  return lines.slice(0, MAX_ERRORS);
}

function refuse(piece: TaskPiece, tally: IngestTally): void {
  if (piece.outcome.status !== 'taken') return;
  const { family, type, untilMs } = piece.outcome;
  const { name } = piece.family;
  const declared = piece.family.type === undefined ? 'without TYPE' : `as ${piece.family.type}`;
  const until =
    untilMs > Date.now() + 100 * 365 * 24 * 3600 * SECOND
      ? ''
      : `, until ${new Date(untilMs).toISOString()} at least`;
  const message =
    family === name
      ? `${name} cannot be stored ${declared}: it is a ${type}${until}`
      : `${name} cannot be stored ${declared}: the ${type} ${family} has samples of that name${until}`;
  const { from, to } = piece;
  if (from === to) {
    tally.refused('type_conflict', 1, [{ line: piece.family.metadataLine, message }]);
    return;
  }
  tally.refused(
    'type_conflict',
    samplesOf(piece),
    firstLines(piece.family, from, to).map((line) => ({ line, message })),
  );
}
