import type { RequestHandler } from 'express';
import { sendEmpty } from '../../answer.ts';
import type { GroupStore } from '../../group-store.ts';
import type { Logger } from '../../logger.ts';
import { type ReadinessSources, refusal } from '../../readiness.ts';

/** Deletes everything, series without a group too. */
export function wipe(
  deps: ReadinessSources & { readonly groups: Pick<GroupStore, 'wipe'>; readonly log: Logger },
): RequestHandler {
  return async (req, res) => {
    const refused = refusal(deps);
    if (refused !== undefined) throw refused;
    await deps.groups.wipe();
    deps.log.info({ remote: req.socket.remoteAddress }, 'everything was deleted on request');
    await sendEmpty(req, res, 202);
  };
}
