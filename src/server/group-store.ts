import type { Store } from '../redis/store.ts';

/** What handlers do with groups. Everything throws StoreError. */
export type GroupStore = Pick<Store, 'groups' | 'deleteGroup' | 'groupFamilies' | 'wipe'>;
