import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomNumbers, shuffledIndexes } from './random.ts';
import { digits, familyHead, sampleValue, seriesLine } from './series.ts';

const WRITE_BYTES = 1024 * 1024;
const HOSTS = 997;

export interface BodySpec {
  readonly families: number;
  readonly seriesPerFamily: number;
  /** Of the values and of the order. Default 1. */
  readonly seed?: number;
  /** All lines in an order that the seed decides, after the heads of all families. */
  readonly shuffled?: boolean;
  /** Takes this share of the series, by the seed. */
  readonly share?: number;
}

/** A body in a file. */
export interface Body {
  readonly file: string;
  readonly bytes: number;
  readonly series: number;
  readonly families: number;
}

/** Makes bodies as they are needed, in a directory that somebody else removes; the same one is made once. */
export class Bodies {
  readonly #directory: string;
  readonly #made = new Map<string, Body>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  make(spec: BodySpec): Body {
    const key = JSON.stringify(spec);
    let body = this.#made.get(key);
    if (body === undefined) {
      body = writeBody(join(this.#directory, `body-${this.#made.size}.txt`), spec);
      this.#made.set(key, body);
    }
    return body;
  }
}

function writeBody(file: string, spec: BodySpec): Body {
  const { families, seriesPerFamily, seed = 1, shuffled = false, share = 1 } = spec;
  const random = randomNumbers(seed);
  const output = openSync(file, 'w');
  let pending = '';
  let bytes = 0;
  let series = 0;
  const write = (text: string): void => {
    pending += text;
    if (pending.length >= WRITE_BYTES) flush();
  };
  const flush = (): void => {
    bytes += writeSync(output, pending);
    pending = '';
  };
  const line = (family: number, number: number): void => {
    if (share < 1 && random() >= share) return;
    write(seriesLine(family, number, `host-${digits(number % HOSTS, 4)}`, sampleValue(random())));
    series++;
  };
  if (shuffled) {
    for (let family = 0; family < families; family++) write(familyHead(family));
    for (const index of shuffledIndexes(families * seriesPerFamily, seed))
      line(Math.floor(index / seriesPerFamily), index % seriesPerFamily);
  } else {
    for (let family = 0; family < families; family++) {
      write(familyHead(family));
      for (let number = 0; number < seriesPerFamily; number++) line(family, number);
    }
  }
  flush();
  closeSync(output);
  return { file, bytes, series, families };
}
