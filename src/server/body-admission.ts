import type { Request, Response } from 'express';
import type { Store } from '../redis/store.ts';
import type { StoreIdentity } from '../workers/messages.ts';
import type { Turns } from './admission.ts';
import { RequestError } from './errors.ts';
import { BodySource } from './ingest/body-source.ts';
import type { Lifecycle } from './lifecycle.ts';
import { refusal } from './readiness.ts';
import type { Telemetry } from './telemetry.ts';

export interface BodyAdmissionDeps {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  /** One for each body that may be read at once. */
  readonly bodyTurns: Turns;
  readonly minBytesPerSecond: number;
}

export interface AdmittedBody {
  /** Holds the turn; destroying it, or reading it to its end, gives the turn back. */
  readonly source: BodySource;
  readonly identity: StoreIdentity;
  /** Bytes that have come so far. */
  received(): number;
}

/**
 * Waits until it is the body's turn to be read, and asks for it if the client waits for that. Throws what the client is
 * to be told if it is not taken.
 */
export async function admitBody(deps: BodyAdmissionDeps, req: Request, res: Response): Promise<AdmittedBody> {
  await takeTurn(deps, res);
  // Known to be there when the store is ready, which is only known to be so before the wait.
  const { identity } = deps.store;
  if (identity === undefined) {
    deps.bodyTurns.give();
    throw refusal(deps) ?? new RequestError('ERR_STORE', 'Redis has just become unavailable');
  }
  // Node has asked us instead of sending it: from here on the body is wanted.
  if (/100-continue/i.test(req.headers.expect ?? '')) res.writeContinue();
  let received = 0;
  const source = new BodySource(req, {
    turns: deps.bodyTurns,
    minBytesPerSecond: deps.minBytesPerSecond,
    onBytes: (count) => {
      received += count;
      deps.telemetry.receivedBytes.inc(count);
    },
  });
  return { source, identity, received: () => received };
}

async function takeTurn(deps: BodyAdmissionDeps, res: Response): Promise<void> {
  const refused = refusal(deps);
  if (refused !== undefined) throw refused;
  if (deps.bodyTurns.tryTake()) return;
  const gone = whenGone(res);
  try {
    await deps.bodyTurns.take(gone.signal);
  } finally {
    gone.forget();
  }
}

/** Aborts when the client has closed its connection before the answer. */
export function whenGone(res: Response): { readonly signal: AbortSignal; forget(): void } {
  const gone = new AbortController();
  const onClose = (): void => gone.abort(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
  res.once('close', onClose);
  return { signal: gone.signal, forget: () => void res.off('close', onClose) };
}
