import type { FamilyWrite, Piece } from '../redis/block-store.ts';
import type { StoreError } from '../redis/failure.ts';
import type { BuiltBlock } from './block-builder.ts';
import { entryTexts } from './entry-texts.ts';

/** A family of one task, with what it takes to say which lines a block was made from. */
export interface TaskFamily extends FamilyWrite {
  readonly blocks: readonly BuiltBlock[];
  readonly source: LineSource;
  /** Line of its TYPE declaration, or of HELP: what is refused if it has no samples. */
  readonly metadataLine: number;
}

/** Which lines of the body a text was made of: only looked up for what is not stored. */
export interface LineSource {
  /** The line of each entry in the text, in the order of the families; several for one: its first. */
  readonly firstLines: Int32Array;
  sourceOf(line: number): number;
}

export type TaskPiece = Piece<TaskFamily>;

export function asFailed(families: readonly TaskFamily[], error: StoreError): TaskPiece[] {
  return families.map((family) => {
    return { family, from: 0, to: family.blocks.length, outcome: { status: 'failed', error } };
  });
}

export function asFamily({ family, from, to }: TaskPiece): TaskFamily {
  return {
    ...family,
    offset: family.offset + from,
    blocks: family.blocks.slice(from, to),
  };
}

export function samplesOf({ family, from, to }: Omit<TaskPiece, 'outcome'>): number {
  return family.blocks.slice(from, to).reduce((sum, { samples }) => sum + samples, 0);
}

/** The first line of each entry of a block. */
export function linesOf({ blocks, source }: TaskFamily, block: number): Int32Array {
  const { from, to } = blocks[block];
  return source.firstLines.subarray(from, to).map((line) => source.sourceOf(line));
}

export function textsOf(family: TaskFamily, block: number): Array<{ line: number; text: Buffer }> {
  const texts = entryTexts(family.blocks[block].value);
  return Array.from(linesOf(family, block), (line, entry) => ({ line, text: texts[entry] }));
}
