import type { Slab } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';
import { bytesOf } from './family-meta.ts';

/** How large families are, by what is known of each. */
export class FamilySizes implements BatchSink {
  /** Bytes of the blocks of each; undefined: it is gone; NaN: what is known of it is damaged. */
  readonly sizes: Array<number | undefined> = [];
  #bytes: number | undefined;

  begin(): void {
    this.sizes.length = 0;
    this.#bytes = undefined;
  }

  bulk({ bytes }: Slab, from: number, to: number): void {
    this.#bytes = bytesOf(bytes, from, to);
  }

  end(): void {
    this.sizes.push(this.#bytes);
    this.#bytes = undefined;
  }
}
