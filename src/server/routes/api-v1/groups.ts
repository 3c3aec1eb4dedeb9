import type { RequestHandler } from 'express';
import { NEVER_MS } from '../../../redis/block.ts';
import type { GroupInfo } from '../../../redis/group.ts';
import type { GroupingKey } from '../../../workers/messages.ts';
import { sendJson } from '../../answer.ts';
import { RequestError, toProblem } from '../../errors.ts';
import type { GroupStore } from '../../group-store.ts';
import type { Logger } from '../../logger.ts';
import { queryOf } from '../../raw-url.ts';
import type { Telemetry } from '../../telemetry.ts';
import { groupSelection } from './group-selection.ts';
import { isoTime, labelsJson } from './metric-json.ts';
import { inTurn, type ReadingDeps, readingHandler } from './reading.ts';

/** Groups that are deleted at once: enough to keep Redis busy, few enough to keep it free for others. */
const BATCH = 32;
/** An answer lists at most so many groups; it counts all. */
const MAX_LISTED = 1_000;

export interface GroupsDeps extends ReadingDeps {
  readonly groups: GroupStore;
  readonly telemetry: Pick<Telemetry, 'groupsDeleted'>;
  readonly log: Logger;
}

/** Lists groups with their times, without their families. */
export function listGroups(deps: GroupsDeps): RequestHandler {
  return readingHandler(deps, (req) => groupsJson(deps.groups, queryOf(req)));
}

async function* groupsJson(store: GroupStore, query: URLSearchParams): AsyncGenerator<string> {
  const selection = groupSelection(query);
  yield '{"status":"success","data":{"groups":[';
  let separator = '';
  for await (const group of store.groups()) {
    if (!selection.includes(group.labels)) continue;
    yield `${separator}${groupJson(group)}`;
    separator = ',';
  }
  yield ']}}\n';
}

function groupJson({ labels, pushTimeS, failureTimeS, deadlineMs }: GroupInfo): string {
  const times = {
    last_push_successful: failureTimeS <= pushTimeS,
    push_time: pushTimeS === 0 ? null : isoTime(pushTimeS),
    push_failure_time: failureTimeS === 0 ? null : isoTime(failureTimeS),
    expiry: deadlineMs >= NEVER_MS ? null : new Date(deadlineMs).toISOString(),
  };
  return `{"labels":${labelsJson(labels)},${JSON.stringify(times).slice(1)}`;
}

/**
 * Deletes the groups that `match[]` selects; with `dry_run=true` it only says which. What was deleted before a failure
 * stays deleted, and is in the answer.
 */
export function deleteGroups(deps: GroupsDeps): RequestHandler {
  return async (req, res) => {
    const query = queryOf(req);
    const selection = groupSelection(query);
    // A slip in `dry_run` must not delete.
    const unknown = [...query.keys()].find((name) => name !== 'match[]' && name !== 'dry_run');
    if (unknown !== undefined) {
      const given = JSON.stringify(unknown.slice(0, 40));
      throw new RequestError('ERR_BAD_QUERY', `${given} is no parameter here: there are match[] and dry_run`);
    }
    if (selection.isEmpty) {
      throw new RequestError(
        'ERR_BAD_QUERY',
        'which groups? Name them with match[]={job="…"}; PUT /api/v1/admin/wipe deletes everything (--web.enable-admin-api)',
      );
    }
    const dryRun = isTrue(query.get('dry_run'));
    await inTurn(deps, res, async (signal) => {
      const deletion = new Deletion(deps, dryRun);
      let failure: unknown;
      try {
        for await (const { labels } of deps.groups.groups()) {
          signal.throwIfAborted();
          if (selection.includes(labels)) await deletion.add(labels);
        }
        await deletion.flush();
      } catch (error) {
        failure = error;
      }
      if (!dryRun) {
        deps.log.info(
          { deleted: deletion.deleted, remote: req.socket.remoteAddress, err: failure },
          'groups were deleted on request',
        );
      }
      if (failure === undefined) {
        await sendJson(req, res, 200, { status: 'success', data: deletion.report });
        return;
      }
      const { status, code, message, headers } = toProblem(failure);
      // For the log.
      if (code === 'ERR_INTERNAL') throw failure;
      await sendJson(req, res, status, { status: 'error', error: message, data: deletion.report }, headers);
    });
  };
}

class Deletion {
  readonly #deps: GroupsDeps;
  readonly #dryRun: boolean;
  readonly #listed: Array<{ readonly labels: Record<string, string> }> = [];
  #batch: GroupingKey[] = [];
  #deleted = 0;
  #matched = 0;

  constructor(deps: GroupsDeps, dryRun: boolean) {
    this.#deps = deps;
    this.#dryRun = dryRun;
  }

  get deleted(): number {
    return this.#deleted;
  }

  get report(): object {
    return {
      ...(this.#dryRun ? { matched: this.#matched } : {}),
      deleted: this.#deleted,
      groups: this.#listed,
      ...(this.#matched > MAX_LISTED && { not_listed: this.#matched - MAX_LISTED }),
    };
  }

  async add(labels: GroupingKey): Promise<void> {
    this.#batch.push(labels);
    if (this.#batch.length >= BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    await Promise.all(batch.map((labels) => this.#take(labels)));
  }

  async #take(labels: GroupingKey): Promise<void> {
    if (!this.#dryRun) {
      // Somebody else was faster.
      if (!(await this.#deps.groups.deleteGroup(labels))) return;
      this.#deleted += 1;
      this.#deps.telemetry.groupsDeleted.inc();
    }
    this.#matched += 1;
    if (this.#listed.length < MAX_LISTED) this.#listed.push({ labels: Object.fromEntries(labels) });
  }
}

/** `dry_run` alone means it too: whoever writes it does not want to delete. */
function isTrue(text: string | null): boolean {
  return text !== null && text !== 'false' && text !== '0';
}
