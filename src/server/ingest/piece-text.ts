/** The bytes of a piece in the chunks in which they came: they are copied once, into what a thread is given. */
export class PieceText {
  readonly byteLength: number;
  readonly #chunks: readonly Buffer[];

  constructor(chunks: readonly Buffer[]) {
    this.#chunks = chunks;
    this.byteLength = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** @param target no shorter than this */
  copyTo(target: Uint8Array): void {
    let at = 0;
    for (const chunk of this.#chunks) {
      target.set(chunk, at);
      at += chunk.length;
    }
  }
}
