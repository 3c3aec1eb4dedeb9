const NO_BYTES = Buffer.alloc(0);

/**
 * Where the blocks of families stand that were read together, a few numbers for each: of families with thousands of tiny
 * blocks, objects would take longer than all the rest. Memory is used again, as it takes longer to let such arrays grow than
 * to fill them; a batch of 2 MiB has 60,000 blocks at the most.
 */
export class BlockPlaces {
  count = 0;
  readonly values: Buffer[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The halves of the id of the group that a block belongs to; both undefined if it is of /ingest, or nobody has told. */
  readonly groupHi: Array<number | undefined> = [];
  readonly groupLo: Array<number | undefined> = [];

  /** @returns which it is */
  add(value: Buffer, start: number, end: number, groupHi?: number, groupLo?: number): number {
    const i = this.count++;
    this.values[i] = value;
    this.starts[i] = start;
    this.ends[i] = end;
    this.groupHi[i] = groupHi;
    this.groupLo[i] = groupLo;
    return i;
  }

  clear(): void {
    // A long string has memory of its own, which would be kept.
    this.values.fill(NO_BYTES, 0, this.count);
    this.count = 0;
  }
}
