declare module 'snappyjs' {
  /** Of the block format. Throws when it is none, or longer than `maxLength`. */
  export function uncompress(compressed: Buffer, maxLength?: number): Buffer;
  export function compress(uncompressed: Buffer): Buffer;
}
