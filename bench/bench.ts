import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bodies, type Body, type BodySpec } from './data/bodies.ts';
import { type OurOptions, Ours } from './programs/ours.ts';

export interface BenchOptions {
  readonly quick: boolean;
  readonly profileDir: string | undefined;
}

/** What all rows of a run share: how large it is meant to be, the bodies, and how our gateway is started. */
export class Bench implements Disposable {
  readonly quick: boolean;
  readonly profileDir: string | undefined;
  readonly #bodies: Bodies;
  readonly #directory = mkdtempSync(join(tmpdir(), 'pushgateway-bench-'));
  readonly #removed = (): void => rmSync(this.#directory, { recursive: true, force: true });

  constructor({ quick, profileDir }: BenchOptions) {
    this.quick = quick;
    this.profileDir = profileDir;
    this.#bodies = new Bodies(this.#directory);
    process.on('exit', this.#removed);
  }

  /** The size of something in a full run, and in a quick one. */
  size(full: number, quick: number): number {
    return this.quick ? quick : full;
  }

  /** The body of the main rows: a million series in 100 families; in a quick run a tenth of it. */
  million(): Body {
    return this.body({ families: 100, seriesPerFamily: this.size(10_000, 1_000) });
  }

  body(spec: BodySpec): Body {
    return this.#bodies.make(spec);
  }

  /** Our gateway and a Redis of its own, both fresh. */
  ours(options: OurOptions = {}): Promise<Ours> {
    return Ours.start({ profileDir: this.profileDir, ...options });
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#removed);
    this.#removed();
  }
}
