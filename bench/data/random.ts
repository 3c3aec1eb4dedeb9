/** Numbers from 0 up to, and without, 1, which the seed decides (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The numbers from 0 up to, and without, `count` in an order that the seed decides (Fisher and Yates). */
export function shuffledIndexes(count: number, seed: number): Uint32Array {
  const random = randomNumbers(seed);
  const indexes = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    const swapped = indexes[i];
    indexes[i] = indexes[other];
    indexes[other] = swapped;
  }
  return indexes;
}
