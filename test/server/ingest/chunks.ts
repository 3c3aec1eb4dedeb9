import { Readable, type Transform } from 'node:stream';
import fc from 'fast-check';
import type { BodyPiece } from '../../../src/server/ingest/body-piece.ts';
import type { PieceText } from '../../../src/server/ingest/piece-text.ts';

/** Sizes of the chunks that a body arrives in, in turns. */
export const chunkSizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 700 })),
  {
    minLength: 1,
    maxLength: 12,
  },
);

export function inChunks(body: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length];
    chunks.push(body.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

export async function piecesOf(cutter: Transform, chunks: readonly Buffer[]): Promise<BodyPiece[]> {
  const pieces: BodyPiece[] = [];
  for await (const piece of Readable.from(chunks).pipe(cutter)) pieces.push(piece as BodyPiece);
  return pieces;
}

export function textOf({ text }: BodyPiece): Buffer {
  return bytesOf(text);
}

/** As a worker thread is given them. */
export function bytesOf(text: PieceText): Buffer {
  const bytes = Buffer.alloc(text.byteLength);
  text.copyTo(bytes);
  return bytes;
}
