/**
 * A set of hashes that nobody can choose, told from others by their sum: two sets have the same one by a chance of 2^-64.
 * It does not depend on their order.
 */
export class HashSum {
  count = 0;
  /** The halves are added by themselves, each modulo 2^32. */
  hi = 0;
  lo = 0;

  clear(): void {
    this.count = 0;
    this.hi = 0;
    this.lo = 0;
  }

  /** @param count of hashes that these are the sum of */
  add(hi: number, lo: number, count: number): void {
    this.count += count;
    this.hi = (this.hi + hi) | 0;
    this.lo = (this.lo + lo) | 0;
  }
}
