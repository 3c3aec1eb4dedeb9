import { createHash, randomBytes } from 'node:crypto';
import type { RedisConnection } from './client.ts';
import { StoreError } from './failure.ts';
import type { Keys } from './keys.ts';

const SECRET_BYTES = 16;

/**
 * The secret that keys the hashes of series: created once by whoever comes first, then shared by all gateways of the
 * deployment. Without it nobody can make up series that are taken for another's.
 * @param mine the secret held so far: put back if Redis has lost it, so that what is being written stays of one kind
 * Throws StoreError.
 */
export async function agreeOnSecret(
  connection: RedisConnection,
  keys: Keys,
  mine?: Uint8Array,
): Promise<Uint8Array> {
  let held = await connection.command('GET', keys.secret);
  // Not for want of a write that a Redis out of memory would refuse: then it can still be read.
  if (held === null) {
    await connection.command('SET', keys.secret, Buffer.from(mine ?? randomBytes(SECRET_BYTES)), 'NX');
    held = await connection.command('GET', keys.secret);
  }
  if (!Buffer.isBuffer(held) || held.length !== SECRET_BYTES) {
    throw new StoreError('identity', `the key ${keys.secret} in Redis is not a secret of this program`);
  }
  return new Uint8Array(held);
}

/** Names a secret without telling it: families carry this, so that identities of two secrets never mix. */
export function fingerprint(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12);
}
