import type { RequestHandler } from 'express';
import { sendEmpty } from '../../answer.ts';
import type { GroupStore } from '../../group-store.ts';
import { type ReadinessSources, refusal } from '../../readiness.ts';

/** Deletes everything, series without a group too. */
export function wipe(deps: ReadinessSources & { readonly groups: Pick<GroupStore, 'wipe'> }): RequestHandler {
  return async (req, res) => {
    const refused = refusal(deps);
    if (refused !== undefined) throw refused;
    await deps.groups.wipe();
    await sendEmpty(req, res, 202);
  };
}
