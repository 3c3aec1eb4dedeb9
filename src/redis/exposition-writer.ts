import type { Piece } from './block-merge.ts';
import { type FamilyHead, kindOf } from './family-reader.ts';
import { occupiedNames } from './name-claims.ts';

/** Takes what a writer writes. Bytes must not be changed afterwards. */
export interface ExpositionSink {
  push(bytes: Buffer): void;
  text(text: string): void;
}

/**
 * How families look in an answer. One writer writes one exposition, family after family: `begin` before the first piece
 * of one that has any, `end` after the last, `finish` after all.
 */
export interface ExpositionWriter {
  /**
   * The names that the format could show this family under, best first, if it is not its own: `my.gauge` has to become
   * `my_gauge`. Such families are shown after all others, each under the first that nobody else may claim.
   */
  otherNames?(name: string): readonly string[] | undefined;
  /** The family is to be shown under this one of them. */
  rename?(name: string, shown: string): void;
  /** The names, as shown, of all families that those which follow can clash with. They may not all come. */
  enter?(names: readonly string[]): void;
  /** The names that the family occupies in this format. Of two families that share one only the first is shown. */
  claims(family: FamilyHead): readonly string[];
  begin(family: FamilyHead, sink: ExpositionSink): void;
  piece(piece: Piece, sink: ExpositionSink): void;
  end(sink: ExpositionSink): void;
  finish(sink: ExpositionSink): void;
}

/** Stored lines as they are, with their types. */
export class StoredWriter implements ExpositionWriter {
  claims(family: FamilyHead): readonly string[] {
    return occupiedNames(family.name, kindOf(family.type));
  }

  begin({ name, type, help }: FamilyHead, sink: ExpositionSink): void {
    const helpLine = help === undefined ? '' : `# HELP ${name} ${help}\n`;
    sink.text(`${helpLine}# TYPE ${name} ${type}\n`);
  }

  piece({ text }: Piece, sink: ExpositionSink): void {
    sink.push(text);
  }

  end(): void {}

  finish(): void {}
}
