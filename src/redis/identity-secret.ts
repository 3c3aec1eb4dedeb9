import { createHash, randomBytes } from 'node:crypto';
import type { RedisConnection } from './client.ts';
import type { Reply } from './commands.ts';
import { StoreError } from './failure.ts';
import type { Keys } from './keys.ts';

const SECRET_BYTES = 16;
/** Each but the last has found the key to be there when it was to be put, and gone when it was to be read. */
const ATTEMPTS = 5;

/**
 * The secret that keys the hashes of series: created once by whoever comes first, then shared by all gateways of the
 * deployment. Without it nobody can make up series that are taken for another's.
 * @param mine the secret held so far: put back if Redis has lost it, so that what is being written stays of one kind
 * Throws StoreError.
 */
export async function agreeOnSecret(
  connection: Pick<RedisConnection, 'command'>,
  keys: Keys,
  mine?: Uint8Array,
): Promise<Uint8Array> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    // Not for want of a write that a Redis out of memory would refuse: then it can still be read.
    const held = await connection.command('GET', keys.secret);
    if (held !== null) return secretOf(held, keys);
    const offered = mine ?? new Uint8Array(randomBytes(SECRET_BYTES));
    const stored = await connection.command('SET', keys.secret, Buffer.from(offered), 'NX');
    if (stored !== null) return offered;
    // Another gateway was first, and its secret is read: unless Redis loses its data again before that (FLUSHALL).
  }
  throw new StoreError('identity', `the key ${keys.secret} in Redis is gone whenever it is read`);
}

function secretOf(held: Reply, keys: Keys): Uint8Array {
  if (!Buffer.isBuffer(held) || held.length !== SECRET_BYTES) {
    throw new StoreError('identity', `the key ${keys.secret} in Redis is not a secret of this program`);
  }
  return new Uint8Array(held);
}

/** Names a secret without telling it: families carry this, so that identities of two secrets never mix. */
export function fingerprint(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12);
}
