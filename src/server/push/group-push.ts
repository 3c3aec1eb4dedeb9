import type { FailureReason } from '../../redis/failure.ts';
import { StoreError } from '../../redis/failure.ts';
import type { Store } from '../../redis/store.ts';
import type { PushResult, PushTask, TimestampPolicy } from '../../workers/messages.ts';
import type { Turns } from '../admission.ts';
import type { CompactionQueue } from '../compaction-queue.ts';
import { RequestError } from '../errors.ts';
import type { WorkerPool } from '../worker-pool.ts';
import type { GroupTurns } from './group-turns.ts';

export interface GroupPushDeps {
  readonly store: Pick<Store, 'refreshIdentity'>;
  readonly pool: Pick<WorkerPool, 'push'>;
  /** One for each task that may be under way, shared with the bodies of the ingest path. */
  readonly taskTurns: Turns;
  readonly groupTurns: GroupTurns;
  readonly compaction: Pick<CompactionQueue, 'add'>;
  readonly timestamps: TimestampPolicy;
  readonly utf8Names: boolean;
  onResult(result: PushResult): void;
}

/** What differs from push to push. */
export type GroupPush = Pick<PushTask, 'body' | 'format' | 'group' | 'mode' | 'ttlMs' | 'identity'>;

/**
 * Stores a whole body in its group. Throws what the sender is to be told if it is not stored; then the group is as it
 * was, but for push_failure_time_seconds after an inconsistent one. Resolves when it is stored, with what else its sender
 * is to wait for: the compactions that it has made necessary. Nothing that others need is held until then.
 */
export async function pushToGroup(
  push: GroupPush,
  deps: GroupPushDeps,
  signal: AbortSignal,
): Promise<{ readonly compacted: Promise<void> }> {
  const { compact } = await deps.groupTurns.run(push.group, signal, () => store(push, deps, signal));
  return { compacted: deps.compaction.add(compact) };
}

async function store(push: GroupPush, deps: GroupPushDeps, signal: AbortSignal): Promise<PushResult> {
  const { timestamps, utf8Names, taskTurns } = deps;
  await taskTurns.take(signal);
  let result: PushResult;
  try {
    const { body, format, group, mode, ttlMs, identity } = push;
    const task = { kind: 'push', body, format, group, mode, ttlMs, timestamps, utf8Names, identity } as const;
    result = await deps.pool.push(task);
  } catch (error) {
    throw new RequestError('ERR_WORKER_BROKE', 'a worker thread broke: the push may be stored or not', {
      cause: error,
    });
  } finally {
    taskTurns.give();
  }
  deps.onResult(result);
  switch (result.outcome) {
    case 'stored':
      return result;
    case 'malformed':
      throw new RequestError('ERR_BAD_BODY', result.message ?? 'the body cannot be read');
    case 'inconsistent':
      throw new RequestError('ERR_INCONSISTENT', result.message ?? 'the body contradicts what is stored');
    case 'failed':
      // For the pushes to come. If it fails the store is not ready, and says why.
      if (result.failure?.staleIdentity) await deps.store.refreshIdentity().catch(() => {});
      throw new StoreError((result.failure?.reason ?? 'other') as FailureReason, failureText(result));
  }
}

function failureText({ failure, message }: PushResult): string {
  return failure?.message ?? message ?? 'Redis did not store the push';
}
