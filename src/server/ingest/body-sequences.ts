import {
  BLOCKS_PER_RESERVATION,
  SEQUENCES_PER_BLOCK,
  SEQUENCES_PER_RESERVATION,
} from '../../redis/sequences.ts';
import { SECOND } from '../../units.ts';

/** After this a body reserves anew: what others push meanwhile should not have to lose against the rest of it. */
const RESERVATION_MAX_AGE_MS = 1 * SECOND;

/** Gives the blocks of one body their sequences: each block's lie above those of the block before. */
export class BodySequences {
  readonly #open: (above: Float64Array | undefined) => Promise<Float64Array>;
  #base: Float64Array | undefined;
  #openedAt = 0;
  #used = 0;

  /**
   * @param open reserves sequences for BLOCKS_PER_RESERVATION blocks in every bucket, above those that the body has had:
   * Redis may know of these no more, after a failover
   */
  constructor(open: (above: Float64Array | undefined) => Promise<Float64Array>) {
    this.#open = open;
  }

  /** The first sequences of the next block. One call at a time. Rejects when the reservation does. */
  async next(): Promise<Float64Array> {
    const aged = performance.now() - this.#openedAt > RESERVATION_MAX_AGE_MS;
    if (this.#base === undefined || aged || this.#used === BLOCKS_PER_RESERVATION) {
      this.#base = await this.#open(this.#base?.map((first) => first + SEQUENCES_PER_RESERVATION));
      this.#openedAt = performance.now();
      this.#used = 0;
    }
    const offset = SEQUENCES_PER_BLOCK * this.#used;
    this.#used += 1;
    return this.#base.map((first) => first + offset);
  }
}
