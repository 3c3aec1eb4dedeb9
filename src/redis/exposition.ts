import { KIB } from '../units.ts';
import type { Piece } from './block-merge.ts';
import type { ExpositionSink, ExpositionWriter } from './exposition-writer.ts';
import type { FamilyHead, FamilyReading } from './family-reader.ts';
import type { OwnFamilies, OwnFamily } from './own-families.ts';

/** Chunks are taken when there is so much of them: a write to a socket costs the same for any size. */
const CHUNK_BYTES = 128 * KIB;
/**
 * A piece of this size is a chunk of its own, as it came from Redis; smaller ones are copied together. What is copied is
 * also allocated and collected once more. The limit itself is a guess.
 */
const OWN_CHUNK_BYTES = 16 * KIB;

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
  readonly #chunks = new Chunks();
  // Names that families have been shown under: a name changes hands only when its family has ended, and then the new
  // one waits for the next scrape.
  readonly #shown = new Set<string>();
  families = 0;

  constructor(writer: ExpositionWriter, selection?: SeriesSelection, own?: OwnFamilies) {
    this.#writer = writer;
    this.#selection = selection;
    this.#own = own;
  }

  get isFull(): boolean {
    return this.#chunks.bytes >= CHUNK_BYTES;
  }

  /** Bytes that were written since the beginning. */
  get position(): number {
    return this.#chunks.position;
  }

  /** From here on families come that cannot clash with those before, but with others of these names. */
  enter(names: readonly string[]): void {
    this.#shown.clear();
    this.#writer.enter?.(names);
  }

  /** @returns what shows the family, or undefined if another one has one of its names */
  open(family: FamilyReading): FamilyShow | undefined {
    const claims = this.#writer.claims(family);
    if (claims.some((name) => this.#shown.has(name))) return undefined;
    return new FamilyShow(family, this.#writer, this.#chunks, this.#selection?.of(family), () => {
      for (const name of claims) this.#shown.add(name);
      this.families++;
      return this.#own?.meet(family, claims);
    });
  }

  finish(): void {
    this.#writer.finish(this.#chunks);
  }

  /** What has been written since the last call. */
  take(): Buffer[] {
    return this.#chunks.take();
  }
}

/** A family on its way into the exposition. It begins with its first piece, and not at all without one. */
export class FamilyShow {
  readonly #family: FamilyReading;
  readonly #writer: ExpositionWriter;
  readonly #sink: ExpositionSink;
  readonly #select: ((piece: Piece) => Piece | undefined) | undefined;
  readonly #onBegin: () => OwnFamily | undefined;
  #begun = false;
  #own: OwnFamily | undefined;

  constructor(
    family: FamilyReading,
    writer: ExpositionWriter,
    sink: ExpositionSink,
    select: ((piece: Piece) => Piece | undefined) | undefined,
    onBegin: () => OwnFamily | undefined,
  ) {
    this.#family = family;
    this.#writer = writer;
    this.#sink = sink;
    this.#select = select;
    this.#onBegin = onBegin;
  }

  piece(piece: Piece): void {
    const selected = this.#select === undefined ? piece : this.#select(piece);
    if (selected === undefined || selected.text.length === 0) return;
    if (!this.#begun) {
      this.#begun = true;
      this.#own = this.#onBegin();
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

class Chunks implements ExpositionSink {
  #ready: Buffer[] = [];
  /** Small pieces are copied into this; what lies before `from` is in chunks already. */
  #gathered: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  bytes = 0;
  position = 0;

  push(piece: Buffer): void {
    this.bytes += piece.length;
    this.position += piece.length;
    if (piece.length >= OWN_CHUNK_BYTES) {
      this.#close();
      this.#ready.push(piece);
      return;
    }
    this.#reserve(piece.length);
    this.#gathered.set(piece, this.#to);
    this.#to += piece.length;
  }

  text(text: string): void {
    if (text.length * 3 > OWN_CHUNK_BYTES) {
      this.push(Buffer.from(text));
      return;
    }
    this.#reserve(text.length * 3);
    const bytes = this.#gathered.write(text, this.#to);
    this.bytes += bytes;
    this.position += bytes;
    this.#to += bytes;
  }

  take(): Buffer[] {
    this.#close();
    const chunks = this.#ready;
    this.#ready = [];
    this.bytes = 0;
    return chunks;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#gathered.length - this.#to) return;
    this.#close();
    this.#gathered = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    [this.#from, this.#to] = [0, 0];
  }

  #close(): void {
    if (this.#to > this.#from) this.#ready.push(this.#gathered.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
