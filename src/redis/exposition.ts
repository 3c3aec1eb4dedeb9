import { KIB } from '../units.ts';
import { writeText } from './ascii.ts';
import type { Piece } from './block-merge.ts';
import { BytePool } from './byte-pool.ts';
import type { ExpositionSink, ExpositionWriter } from './exposition-writer.ts';
import type { FamilyHead, FamilyReading } from './family-reader.ts';
import type { OwnFamilies, OwnFamily } from './own-families.ts';

/**
 * Each is a write to the socket and a wait for it: with 128 KiB these were a tenth of the gateway's CPU for a scrape of a
 * million series. With 512 KiB they would be a twentieth less again, but pushes would wait longer for the main thread.
 */
const CHUNK_BYTES = 256 * KIB;
/**
 * A family that is read whole fills 8 of them before the first is taken, while others are on their way to the reader. With
 * a fifth of this memory a quarter of them was garbage outside the heap, on account of which V8 marked the heap in each scrape
 * of a million series: that took a quarter of the CPU, and pushes meanwhile, half as long again.
 */
const MOST_CHUNKS = 20;

/** Memory for the chunks of all expositions of a process. Who has taken a chunk gives it back when it is not needed. */
export function chunkPool(): BytePool {
  return new BytePool(CHUNK_BYTES, MOST_CHUNKS);
}

/** The part of what is stored that is asked for. */
export interface SeriesSelection {
  /** False if no series of a family of this name is asked for: then it is not read. */
  mayHold(family: string): boolean;
  /** What is asked for of the pieces of a family. */
  of(family: FamilyHead): (piece: Piece) => Piece | undefined;
}

/** What has been written of an exposition and not been taken yet. */
export class Exposition {
  readonly #writer: ExpositionWriter;
  readonly #selection: SeriesSelection | undefined;
  readonly #own: OwnFamilies | undefined;
  readonly #chunks: Chunks;
  // Names that families have been shown under: a name changes hands only when its family has ended, and then the new
  // one waits for the next scrape.
  readonly #shown = new Set<string>();
  /**
   * The names of those that claim nothing else, which no two families share: so they need not be compared with each other.
   * Once there is a family that claims more, all names go into the set.
   */
  #alone: string[] = [];
  families = 0;

  constructor(writer: ExpositionWriter, memory: BytePool, selection?: SeriesSelection, own?: OwnFamilies) {
    this.#writer = writer;
    this.#chunks = new Chunks(memory);
    this.#selection = selection;
    this.#own = own;
  }

  get isFull(): boolean {
    return this.#chunks.areReady;
  }

  /** Bytes that were written since the beginning. */
  get position(): number {
    return this.#chunks.position;
  }

  /** From here on families come that cannot clash with those before, but with others of these names. */
  enter(names: readonly string[]): void {
    this.#shown.clear();
    this.#alone = [];
    this.#writer.enter?.(names);
  }

  /** @returns what shows the family, or undefined if another one has one of its names */
  open(family: FamilyReading): FamilyShow | undefined {
    const claims = this.#writer.claims(family);
    // Nearly always neither this family nor one before it claims more than its own name.
    if (!isOwn(claims, family) || this.#shown.size > 0) {
      for (const name of this.#alone) this.#shown.add(name);
      this.#alone = [];
      for (const name of claims) if (this.#shown.has(name)) return undefined;
    }
    return new FamilyShow(this, family, claims, this.#writer, this.#chunks, this.#selection?.of(family));
  }

  /** The first piece of the family comes. Returns the gateway's own one that comes with it. */
  begin(family: FamilyReading, claims: readonly string[]): OwnFamily | undefined {
    if (isOwn(claims, family) && this.#shown.size === 0) this.#alone.push(family.name);
    else for (const name of claims) this.#shown.add(name);
    this.families++;
    return this.#own?.meet(family, claims);
  }

  finish(): void {
    this.#writer.finish(this.#chunks);
    this.#chunks.finish();
  }

  /** To be called in any case. */
  close(): void {
    this.#chunks.close();
  }

  /** Chunks that are full, and the last one. */
  take(): Buffer[] {
    return this.#chunks.take();
  }
}

function isOwn(claims: readonly string[], { name }: FamilyHead): boolean {
  return claims.length === 1 && claims[0] === name;
}

/** A family on its way into the exposition. It begins with its first piece, and not at all without one. */
export class FamilyShow {
  readonly #exposition: Exposition;
  readonly #family: FamilyReading;
  readonly #claims: readonly string[];
  readonly #writer: ExpositionWriter;
  readonly #sink: ExpositionSink;
  readonly #select: ((piece: Piece) => Piece | undefined) | undefined;
  #begun = false;
  #own: OwnFamily | undefined;

  constructor(
    exposition: Exposition,
    family: FamilyReading,
    claims: readonly string[],
    writer: ExpositionWriter,
    sink: ExpositionSink,
    select: ((piece: Piece) => Piece | undefined) | undefined,
  ) {
    this.#exposition = exposition;
    this.#family = family;
    this.#claims = claims;
    this.#writer = writer;
    this.#sink = sink;
    this.#select = select;
  }

  piece(piece: Piece): void {
    const selected = this.#select === undefined ? piece : this.#select(piece);
    if (selected === undefined || selected.text.length === 0) return;
    if (!this.#begun) {
      this.#begun = true;
      this.#own = this.#exposition.begin(this.#family, this.#claims);
      this.#writer.begin(this.#family, this.#sink);
    }
    this.#own?.hideBehind(selected);
    this.#writer.piece(selected, this.#sink);
  }

  end(): void {
    if (!this.#begun) return;
    const own = this.#own;
    this.#own = undefined;
    if (own !== undefined) for (const piece of own.texts()) this.piece(piece);
    this.#writer.end(this.#sink);
  }
}

/** Copies what it is given: the memory where that stands is used again. */
class Chunks implements ExpositionSink {
  readonly #memory: BytePool;
  #ready: Buffer[] = [];
  #chunk: Buffer;
  #to = 0;
  position = 0;

  constructor(memory: BytePool) {
    this.#memory = memory;
    this.#chunk = memory.take(CHUNK_BYTES);
  }

  get areReady(): boolean {
    return this.#ready.length > 0;
  }

  push(piece: Buffer): void {
    const { length } = piece;
    this.position += length;
    if (length <= CHUNK_BYTES - this.#to) {
      this.#chunk.set(piece, this.#to);
      this.#to += length;
      return;
    }
    for (let from = 0; from < length; ) {
      if (this.#to === CHUNK_BYTES) this.#next();
      const copied = piece.copy(this.#chunk, this.#to, from);
      this.#to += copied;
      from += copied;
    }
  }

  text(text: string): void {
    if (text.length * 3 > CHUNK_BYTES - this.#to) {
      this.push(Buffer.from(text));
      return;
    }
    const end = writeText(this.#chunk, this.#to, text);
    this.position += end - this.#to;
    this.#to = end;
  }

  take(): Buffer[] {
    const chunks = this.#ready;
    this.#ready = [];
    return chunks;
  }

  /** What is left comes as a copy, which is not larger than it has to be, and the chunk goes back. */
  finish(): void {
    if (this.#to > 0) this.#ready.push(Buffer.from(this.#chunk.subarray(0, this.#to)));
    this.#to = 0;
  }

  /** Nothing more is written or taken. */
  close(): void {
    for (const chunk of [this.#chunk, ...this.take()]) this.#memory.give(chunk);
  }

  #next(): void {
    this.#ready.push(this.#chunk);
    this.#chunk = this.#memory.take(CHUNK_BYTES);
    this.#to = 0;
  }
}
