import type { RequestHandler } from 'express';
import type { GroupInfo } from '../../../redis/group.ts';
import { formatGoNumber } from '../../go-number.ts';
import type { GroupStore } from '../../group-store.ts';
import { queryOf } from '../../raw-url.ts';
import { groupSelection } from './group-selection.ts';
import { familyJson, isoTime, labelsJson } from './metric-json.ts';
import { type ReadingDeps, readingHandler } from './reading.ts';

/** Fields of a group beside its families. A family of such a name is left out: it would take the field's place. */
const FIELDS: ReadonlySet<string> = new Set(['labels', 'last_push_successful']);

const PUSH_HELP = 'Last Unix time when changing this group in the Pushgateway succeeded.';
const FAILURE_HELP = 'Last Unix time when changing this group in the Pushgateway failed.';

/** All groups with their families, or those that `match[]` selects by their grouping labels. */
export function apiMetrics(deps: ReadingDeps & { readonly groups: GroupStore }): RequestHandler {
  return readingHandler(deps, (req) => metricsJson(deps.groups, queryOf(req)));
}

async function* metricsJson(store: GroupStore, query: URLSearchParams): AsyncGenerator<string> {
  const selection = groupSelection(query);
  yield '{"status":"success","data":[';
  let separator = '';
  for await (const group of store.groups()) {
    if (!selection.includes(group.labels)) continue;
    const successful = group.failureTimeS <= group.pushTimeS;
    yield `${separator}{"labels":${labelsJson(group.labels)},"last_push_successful":${successful}`;
    separator = ',';
    for await (const family of store.groupFamilies(group.labels)) {
      if (FIELDS.has(family.name)) continue;
      yield `,${JSON.stringify(family.name)}:`;
      yield* familyJson(family);
    }
    yield `,"push_time_seconds":${ownFamily(group, group.pushTimeS, PUSH_HELP)}`;
    yield `,"push_failure_time_seconds":${ownFamily(group, group.failureTimeS, FAILURE_HELP)}}`;
  }
  yield ']}\n';
}

function ownFamily({ labels, pushTimeS, failureTimeS }: GroupInfo, value: number, help: string): string {
  const timeStamp = isoTime(Math.max(pushTimeS, failureTimeS));
  const shown = labels.some(([name]) => name === 'instance')
    ? labels
    : [...labels, ['instance', ''] as const].sort(([a], [b]) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      );
  const metric = `{"labels":${labelsJson(shown)},"value":"${formatGoNumber(value)}"}`;
  return `{"time_stamp":"${timeStamp}","type":"GAUGE","help":${JSON.stringify(help)},"metrics":[${metric}]}`;
}
