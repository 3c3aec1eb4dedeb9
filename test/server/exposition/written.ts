import { FEATURE_EXTRAS, FEATURE_QUOTED_NAMES, FEATURE_TIMESTAMPS } from '../../../src/redis/block.ts';
import { chunkPool, Exposition, type SeriesSelection } from '../../../src/redis/exposition.ts';
import type { ExpositionWriter } from '../../../src/redis/exposition-writer.ts';

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help?: string;
  readonly unit?: string;
  /** Stored lines, with a newline at the end of each. */
  readonly lines: string;
  /** Default: what the lines have. */
  readonly features?: number;
}

/** What a writer makes of families that are stored as these, each in one piece. */
export function bytesOf(
  writer: ExpositionWriter,
  families: readonly Family[],
  selection?: SeriesSelection,
): Buffer {
  const exposition = new Exposition(writer, chunkPool(), selection);
  const names = families.map(({ name }) => name);
  for (const name of names) {
    const others = writer.otherNames?.(name);
    if (others !== undefined) writer.rename?.(name, others[0]);
  }
  exposition.enter(names);
  for (const { name, type, help, unit, lines, features = featuresOf(lines) } of families) {
    const pieces = [{ text: Buffer.from(lines), features }];
    const showing = exposition.open({ name, type, help, unit, texts: () => pieces });
    for (const piece of pieces) showing?.piece(piece);
    showing?.end();
  }
  exposition.finish();
  return Buffer.concat(exposition.take());
}

export function written(
  writer: ExpositionWriter,
  families: readonly Family[],
  selection?: SeriesSelection,
): string {
  return bytesOf(writer, families, selection).toString();
}

/** Enough for tests, in which no label value looks like an extra. */
function featuresOf(lines: string): number {
  return (
    (/ #[cn ]/.test(lines) ? FEATURE_EXTRAS : 0) |
    (/(?:^|\}) ?\S+ -?\d+(?: #|$)/m.test(lines) ? FEATURE_TIMESTAMPS : 0) |
    (/[{,]"/.test(lines) ? FEATURE_QUOTED_NAMES : 0)
  );
}
