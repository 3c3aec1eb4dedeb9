import { KIB } from '../units.ts';
import type { Piece } from './block-merge.ts';
import type { RedisConnection } from './client.ts';
import { familyNames } from './family-index.ts';
import {
  type FamilyReading,
  kindOf,
  type ReadOptions,
  type ReadStats,
  readFamilies,
} from './family-reader.ts';
import { BUCKETS, type Keys } from './keys.ts';
import { occupiedNames } from './name-claims.ts';

/** Pieces are gathered to chunks of about this size: a write to a socket costs the same for any of them. */
const CHUNK_BYTES = 128 * KIB;

export interface ScrapeSummary {
  readonly families: number;
  readonly series: number;
  readonly bytes: number;
  readonly damagedBlocks: number;
}

/**
 * The exposition of everything that lives, in text format 0.0.4, in chunks: bucket after bucket, family after family,
 * with bounded memory. Throws StoreError when Redis fails: what was given so far is then not a whole exposition.
 */
export async function* scrape(
  connection: RedisConnection,
  keys: Keys,
  options: ReadOptions & { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Buffer, ScrapeSummary> {
  const stats: ReadStats = { series: 0, damagedBlocks: 0 };
  const chunk = new Chunk();
  let families = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    // Names that families of this bucket have been shown under: a name changes hands only when its family has ended,
    // and then the new one waits for the next scrape.
    const shown = new Set<string>();
    for await (const names of familyNames(connection, keys, bucket)) {
      for await (const readings of readFamilies(connection, keys, bucket, names, stats, options)) {
        for (const family of readings) {
          const claimed = occupiedNames(family.name, kindOf(family.type));
          if (claimed.some((name) => shown.has(name))) continue;
          const before = chunk.position;
          const texts = family.texts();
          // A turn of the event loop for each of very many small families would take longer than they do.
          if (Symbol.iterator in texts) {
            for (const piece of texts) chunk.add(piece, before, family);
          } else {
            for await (const piece of texts) {
              chunk.add(piece, before, family);
              if (chunk.isFull) yield chunk.take();
              options.signal?.throwIfAborted();
            }
          }
          if (chunk.position === before) continue;
          for (const name of claimed) shown.add(name);
          families++;
          if (chunk.isFull) yield chunk.take();
        }
        options.signal?.throwIfAborted();
      }
      options.signal?.throwIfAborted();
    }
  }
  const rest = chunk.take();
  if (rest.length > 0) yield rest;
  return { families, bytes: chunk.position, ...stats };
}

function header({ name, type, help }: FamilyReading): Buffer {
  const helpLine = help === undefined ? '' : `# HELP ${name} ${help}\n`;
  return Buffer.from(`${helpLine}# TYPE ${name} ${type}\n`);
}

class Chunk {
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes that were added since the beginning. */
  position = 0;

  get isFull(): boolean {
    return this.#bytes >= CHUNK_BYTES;
  }

  /** @param start position at the family's beginning: its header comes before its first text, and not without one */
  add({ text }: Piece, start: number, family: FamilyReading): void {
    if (this.position === start) this.#push(header(family));
    this.#push(text);
  }

  take(): Buffer {
    const chunk = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    return chunk;
  }

  #push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.position += piece.length;
  }
}
