import { MIB } from '../units.ts';

/** Collecting it takes 1 to 2 ms; three times as much would already start the marking that this is to prevent. */
const MOST_BYTES = 8 * MIB;

let bytes = 0;

/**
 * To be told of the bytes of chunks that are needed no more. They lie outside V8's heap and count as its growth, so that
 * it would mark all of that over and over: five times during a body of 140 MB, which is a fifth of the gateway's CPU. But
 * they are young, and to collect what is young takes next to nothing. V8 does it too seldom by itself, as the heap hardly
 * grows meanwhile. Does nothing without Node's `--expose-gc`.
 */
export function noteGarbage(more: number): void {
  bytes += more;
  if (bytes < MOST_BYTES) return;
  bytes = 0;
  globalThis.gc?.({ type: 'minor' });
}
