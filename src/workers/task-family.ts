import type { FamilyWrite, Piece } from '../redis/block-store.ts';
import type { StoreError } from '../redis/failure.ts';
import type { BuiltBlock } from './block-builder.ts';
import { entryTexts } from './entry-texts.ts';

/** A family of one task, with what it takes to say which lines a block was made from. */
export interface TaskFamily extends FamilyWrite {
  readonly blocks: readonly BuiltBlock[];
  /** The first line of each entry of a block: only looked up for those that are not stored. */
  lines(block: number): Int32Array;
  /** Line of its TYPE declaration, or of HELP: what is refused if it has no samples. */
  readonly metadataLine: number;
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
    lines: (block) => family.lines(from + block),
  };
}

export function samplesOf({ family, from, to }: Omit<TaskPiece, 'outcome'>): number {
  return family.blocks.slice(from, to).reduce((sum, { samples }) => sum + samples, 0);
}

export function linesOf(family: TaskFamily, block: number): Array<{ line: number; text: Buffer }> {
  const texts = entryTexts(family.blocks[block].value);
  return Array.from(family.lines(block), (line, entry) => ({ line, text: texts[entry] }));
}
