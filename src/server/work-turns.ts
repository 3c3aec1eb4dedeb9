import type { Config } from '../../config/config.ts';
import { SECOND } from '../units.ts';
import { Turns } from './admission.ts';
import { GroupTurns } from './push/group-turns.ts';

/** Pushes and scrapes that may wait for their turn, and how long: less than clients and balancers usually wait. */
const MAX_WAITING = 1_000;
const MAX_WAIT_MS = 10 * SECOND;

/** How much of each kind of work is done at once. */
export interface WorkTurns {
  /** Tasks of bodies for the worker threads. */
  readonly tasks: Turns;
  /** Bodies of the ingest path. */
  readonly bodies: Turns;
  /** Bodies of pushes to groups. */
  readonly pushes: Turns;
  /** Pushes to the same group. */
  readonly groups: GroupTurns;
  /** Scrapes, and what reads as much. */
  readonly scrapes: Turns;
}

export function createTurns({ ingest, metrics }: Config, taskWindow: number): WorkTurns {
  const waiting = { maxWaiting: MAX_WAITING, maxWaitMs: MAX_WAIT_MS };
  const bodies = {
    ...waiting,
    limit: ingest.maxConcurrent,
    refusal: `too many pushes at once (ingest.max_concurrent is ${ingest.maxConcurrent})`,
  };
  return {
    tasks: new Turns({ limit: taskWindow }),
    bodies: new Turns(bodies),
    // Those that wait for memory keep their turns. So that they end, those that have memory must not wait for a turn.
    pushes: new Turns({ ...bodies, resumeAtOnce: true }),
    groups: new GroupTurns({ ...waiting, refusal: 'too many pushes to this group at once' }),
    scrapes: new Turns({
      ...waiting,
      limit: metrics.maxConcurrent,
      refusal: `too many scrapes at once (metrics.max_concurrent is ${metrics.maxConcurrent})`,
    }),
  };
}
