import { StoreError } from '../../redis/failure.ts';
import type { GroupingKey } from '../../workers/messages.ts';
import { toProblem } from '../errors.ts';
import type { LogThrottle } from '../log-throttle.ts';
import type { Logger } from '../logger.ts';

export interface PushLog {
  readonly log: Logger;
  readonly throttle: LogThrottle;
}

const MAX_KEY_CHARACTERS = 200;

/** A line a minute of each kind: a thousand clients that meet the same problem are still one problem. */
export function logPushProblem(
  { log, throttle }: PushLog,
  error: unknown,
  about: { readonly group?: GroupingKey | undefined; readonly remote: string | undefined },
): void {
  const { code } = toProblem(error);
  const place = { grouping_key: about.group && keyText(about.group), remote: about.remote };
  if (code === 'ERR_CLIENT_GONE') {
    log.debug(place, 'the sender of a push has gone before its end');
    return;
  }
  if (code === 'ERR_INTERNAL') {
    log.error({ err: error, ...place, stack: (error as Error).stack }, 'a push failed');
    return;
  }
  const kind = error instanceof StoreError ? error.reason : code;
  const suppressed = throttle.pass(`push ${kind}`);
  if (suppressed !== undefined) log.warn({ err: error, ...place, suppressed }, 'a push was not stored');
}

function keyText(group: GroupingKey): string {
  return group
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')
    .slice(0, MAX_KEY_CHARACTERS);
}
