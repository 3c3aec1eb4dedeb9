import type { RequestHandler } from 'express';
import { sendEmpty } from '../answer.ts';
import type { GroupStore } from '../group-store.ts';
import { type ReadinessSources, refusal } from '../readiness.ts';
import type { Telemetry } from '../telemetry.ts';
import { groupOf } from './push.ts';

export interface DeleteDeps extends ReadinessSources {
  readonly groups: Pick<GroupStore, 'deleteGroup'>;
  readonly telemetry: Pick<Telemetry, 'groupsDeleted'>;
  readonly routePrefix: string;
  readonly utf8Names: boolean;
}

/** Deletes the group that the path names, which need not be there. A body is nobody's business, as is its encoding. */
export function deleteHandler(deps: DeleteDeps): RequestHandler {
  return async (req, res) => {
    const group = groupOf(req, deps.routePrefix, deps.utf8Names);
    const refused = refusal(deps);
    if (refused !== undefined) throw refused;
    if (await deps.groups.deleteGroup(group)) deps.telemetry.groupsDeleted.inc();
    await sendEmpty(req, res, 202);
  };
}
