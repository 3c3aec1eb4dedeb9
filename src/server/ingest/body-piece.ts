import type { DeclaredTypes, IngestTask } from '../../workers/messages.ts';
import type { RequestError } from '../errors.ts';
import type { PieceText } from './piece-text.ts';

/** A part of a body that one task stores. */
export interface BodyPiece {
  readonly text: PieceText;
  /** Of a body in text: see LineBlock. */
  readonly declared: DeclaredTypes | undefined;
  /** Nothing of the body follows. Only known where the format has an end of its own. */
  readonly last?: boolean;
  /** Why the body ends with this piece, which is stored nevertheless. */
  readonly problem?: RequestError;
}

/** What stores a piece, but for its text. */
export type PieceTask = Omit<IngestTask, 'text'>;
