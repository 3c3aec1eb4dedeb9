import { GROUP_METRIC_NAMES } from '../redis/group-metrics.ts';
import { SECOND } from '../units.ts';
import { shownName } from './exposition/names.ts';
import type { IngestTally } from './ingest-tally.ts';
import { MAX_ERRORS } from './messages.ts';
import { linesOf, samplesOf, type TaskFamily, type TaskPiece } from './task-family.ts';

/** Refuses a family that the store makes itself. Returns whether it is one. */
export function refuseReserved(family: TaskFamily, tally: IngestTally): boolean {
  if (!GROUP_METRIC_NAMES.has(family.name)) return false;
  const message = `${family.name} is reserved: the gateway tells by it of pushes to groups`;
  const lines = firstLines(family, 0, family.blocks.length);
  tally.refused(
    'reserved_name',
    samplesOf({ family, from: 0, to: family.blocks.length }),
    (lines.length > 0 ? lines : [family.metadataLine]).map((line) => ({ line, message })),
  );
  return true;
}

/** The lines of the entries of some blocks, as many as are worth telling. */
function firstLines(family: TaskFamily, from: number, to: number): number[] {
  const lines: number[] = [];
  for (let block = from; block < to && lines.length < MAX_ERRORS; block++)
    lines.push(...linesOf(family, block).subarray(0, MAX_ERRORS));
  return lines.slice(0, MAX_ERRORS);
}

/** Refuses what cannot be stored because its name or type is taken. */
export function refuse(piece: TaskPiece, tally: IngestTally): void {
  if (piece.outcome.status !== 'taken') return;
  const { family, type, untilMs } = piece.outcome;
  const name = shownName(piece.family.name);
  const declared = piece.family.type === undefined ? 'without TYPE' : `as ${piece.family.type}`;
  const until =
    untilMs > Date.now() + 100 * 365 * 24 * 3600 * SECOND
      ? ''
      : `, until ${new Date(untilMs).toISOString()} at least`;
  const message =
    family === piece.family.name
      ? `${name} cannot be stored ${declared}: it is a ${type}${until}`
      : `${name} cannot be stored ${declared}: the ${type} ${shownName(family)} has samples of that name${until}`;
  const { from, to } = piece;
  if (from === to) {
    tally.refused('type_conflict', 1, [{ line: piece.family.metadataLine, message }]);
    return;
  }
  tally.refused(
    'type_conflict',
    samplesOf(piece),
    firstLines(piece.family, from, to).map((line) => ({ line, message })),
  );
}
