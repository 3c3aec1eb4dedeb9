import type { Slab } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';

/** The answer to HMGET. The values stay where they were received, good until it is released. */
export class FieldValues implements BatchSink {
  /** In the order of the fields; null for what is not there. */
  values: Array<Buffer | null> = [];
  readonly #slabs: Slab[] = [];

  begin(): void {
    this.release();
  }

  bulk(slab: Slab, from: number, to: number): void {
    if (this.#slabs.at(-1) !== slab) {
      slab.hold();
      this.#slabs.push(slab);
    }
    this.values.push(slab.bytes.subarray(from, to));
  }

  nil(): void {
    this.values.push(null);
  }

  end(): void {}

  release(): void {
    for (let slab = this.#slabs.pop(); slab !== undefined; slab = this.#slabs.pop()) slab.release();
    this.values = [];
  }
}
