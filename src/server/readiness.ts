import type { Store } from '../redis/store.ts';
import { RequestError } from './errors.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface ReadinessSources {
  readonly lifecycle: Lifecycle;
  readonly store: Store;
}

/** Why no push and no scrape is taken; undefined when they are. */
export function refusal(sources: ReadinessSources): RequestError | undefined {
  return sources.store.serves ? unserved(sources.lifecycle) : notReady(sources);
}

/** Why it is not ready for everything; undefined when it is. */
export function notReady({ lifecycle, store }: ReadinessSources): RequestError | undefined {
  const refused = unserved(lifecycle);
  if (refused !== undefined || store.ready) return refused;
  return new RequestError('ERR_STORE', `Redis is not available: ${store.downMessage ?? 'no answer yet'}`);
}

function unserved(lifecycle: Lifecycle): RequestError | undefined {
  if (lifecycle.draining) return new RequestError('ERR_DRAINING', 'the gateway is shutting down');
  if (lifecycle.state === 'starting') return new RequestError('ERR_STORE', 'the gateway is starting');
  return undefined;
}
