import type { Store } from '../redis/store.ts';
import { RequestError } from './errors.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface ReadinessSources {
  readonly lifecycle: Lifecycle;
  readonly store: Store;
}

/** Why no push and no scrape is taken; undefined when they are. */
export function refusal({ lifecycle, store }: ReadinessSources): RequestError | undefined {
  if (lifecycle.draining) return new RequestError('ERR_DRAINING', 'the gateway is shutting down');
  if (lifecycle.state === 'starting') return new RequestError('ERR_STORE', 'the gateway is starting');
  if (store.ready) return undefined;
  return new RequestError('ERR_STORE', `Redis is not available: ${store.downMessage ?? 'no answer yet'}`);
}
