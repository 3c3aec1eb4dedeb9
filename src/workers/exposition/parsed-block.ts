import type { LineError, RejectReason, TimestampPolicy } from '../messages.ts';
import type { EntryList } from './entry-list.ts';
import type { DeclaredInstances, ParsedFamily } from './families.ts';
import type { GroupLabels } from './group-labels.ts';
import type { PushProblem } from './push-problem.ts';

export interface ParseOptions {
  readonly timestamps: TimestampPolicy;
  /** The block is the whole body, so what is not in it is nowhere else. */
  readonly whole: boolean;
  /** Histogram and summary names from TYPE lines of the body up to here; those of the block itself need not be in it. */
  readonly declared: DeclaredInstances;
  /**
   * It is a push to a group, and whole: as the reference, refuse all for one mistake, and for what is inconsistent. The
   * families are then those that have samples.
   */
  readonly strict?: boolean;
  /** Of a push to a group: who takes what has been read of it, part by part. What is left comes as the result. */
  readonly parts?: PushParts;
  /** Labels that are set on every series. */
  readonly group?: GroupLabels;
  /** The text comes from a converter: there may be extras, UNIT lines and all types. */
  readonly extended?: boolean;
  /** Whether names may stand in quotes. True if left out. */
  readonly utf8Names?: boolean;
}

/** Valid until the parser goes on or is called again: it uses the buffers anew. */
export interface ParsedEntries {
  readonly text: Buffer;
  /** Rendered lines of what could not be taken as it stood. */
  readonly scratch: Buffer;
  readonly families: readonly ParsedFamily[];
  /** A series that stands twice in the block is in there twice, unless they are distinct. */
  readonly entries: EntryList;
  readonly areDistinct: boolean;
}

/**
 * Takes a push to a group in parts, so that the text of all its series need not be there at once. A part has whole
 * families, of plain series alone. The push may still be refused for what comes after it.
 */
export interface PushParts {
  /** A part ends with the family in which it gets longer than this. */
  readonly bytes: number;
  take(part: ParsedEntries): void;
  /** Forgets all parts: a family goes on that one of them had, so the body is read anew and in one. */
  discard(): void;
}

export interface ParsedBlock extends ParsedEntries {
  /** So many bytes of the text have been read: less than all of them if it has very many families. */
  readonly consumed: number;
  readonly lines: number;
  readonly rejected: Partial<Record<RejectReason, number>>;
  readonly errors: readonly LineError[];
  /** Why a push to a group is refused. The rest then says nothing. */
  readonly problem: PushProblem | undefined;
}
