import type { Slab } from './slab.ts';
import type { BatchSink } from './wire.ts';

/** Keeps the strings of one answer until it is its turn. */
export class KeptAnswer implements BatchSink {
  readonly #strings: Array<{ readonly slab: Slab; readonly from: number; readonly to: number }> = [];

  begin(): void {
    for (const { slab } of this.#strings.splice(0)) slab.release();
  }

  bulk(slab: Slab, from: number, to: number): void {
    slab.hold();
    this.#strings.push({ slab, from, to });
  }

  end(): void {}

  pourInto(sink: BatchSink): void {
    for (const { slab, from, to } of this.#strings) sink.bulk(slab, from, to);
    sink.end();
  }
}
