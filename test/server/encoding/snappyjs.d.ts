declare module 'snappyjs' {
  /** To the block format. */
  export function compress(uncompressed: Buffer): Buffer;
}
