/** Counts what has begun and not ended, and tells those who give way to it when there is nothing of it. */
export class UnderWay {
  readonly #waiting = new Set<() => void>();
  #count = 0;

  get any(): boolean {
    return this.#count > 0;
  }

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when all has ended, or after so long. */
  whenNone(ms: number): Promise<void> {
    if (!this.any) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
