/**
 * Bounds the memory of all bodies that are being collected at once. Each takes a share, and of it more as its bytes
 * come. When the budget is used up they wait, and are served by age. Only the oldest share of all never waits: it goes
 * on beyond the budget, so that one body can always be finished, which lets the next one go on. So what is held is at
 * most the budget and one body.
 *
 * There is no deadlock as long as the holder of a share waits for nothing that the holder of a younger one has.
 */
export class ByteBudget {
  readonly #total: number;
  /** Oldest first. A Set keeps the order and forgets one in the middle at no cost. */
  readonly #shares = new Set<ByteShare>();
  #used = 0;
  #waiting = 0;

  constructor(totalBytes: number) {
    this.#total = totalBytes;
  }

  /** Bytes held by all shares. */
  get used(): number {
    return this.#used;
  }

  /** How many shares wait for others to end. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The caller owes a `release`. */
  share(): ByteShare {
    const share: ByteShare = new ByteShare({
      tryTake: (bytes) => this.#tryTake(share, bytes),
      onWait: () => {
        this.#waiting += 1;
      },
      onLeave: () => {
        this.#waiting -= 1;
        this.#serve();
      },
      onRelease: (bytes) => {
        this.#used -= bytes;
        this.#shares.delete(share);
        this.#serve();
      },
    });
    this.#shares.add(share);
    return share;
  }

  #tryTake(share: ByteShare, bytes: number): boolean {
    const [oldest] = this.#shares;
    if (share !== oldest && (this.#used + bytes > this.#total || this.#isBehind(share))) return false;
    this.#used += bytes;
    return true;
  }

  /** Whether an older one waits, which is not to be overtaken. */
  #isBehind(share: ByteShare): boolean {
    if (this.#waiting === 0) return false;
    for (const other of this.#shares) {
      if (other === share) return false;
      if (other.wants !== undefined) return true;
    }
    return false;
  }

  #serve(): void {
    if (this.#waiting === 0) return;
    const [oldest] = this.#shares;
    for (const share of this.#shares) {
      const { wants } = share;
      if (wants === undefined) continue;
      if (share !== oldest && this.#used + wants > this.#total) return;
      this.#used += wants;
      this.#waiting -= 1;
      share.grant();
    }
  }
}

interface ShareOwner {
  tryTake(bytes: number): boolean;
  onWait(): void;
  onLeave(): void;
  onRelease(bytes: number): void;
}

interface Waiter {
  readonly bytes: number;
  resolve(): void;
  reject(reason: unknown): void;
}

/** What one body holds of a ByteBudget. */
export class ByteShare {
  readonly #owner: ShareOwner;
  #held = 0;
  #waiter: Waiter | undefined;
  #released = false;

  constructor(owner: ShareOwner) {
    this.#owner = owner;
  }

  get held(): number {
    return this.#held;
  }

  /** The bytes that it waits for. */
  get wants(): number | undefined {
    return this.#waiter?.bytes;
  }

  /**
   * Takes so many bytes more. Undefined: it has them, there is nothing to wait for. The promise rejects with the reason
   * of the signal, or when the share is released meanwhile. One call at a time.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.tryTake(bytes)) return undefined;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const onAbort = (): void => this.#leave(() => signal?.reason);
    const granted = new Promise<void>((resolve, reject) => {
      this.#waiter = { bytes, resolve, reject };
    });
    this.#owner.onWait();
    signal?.addEventListener('abort', onAbort, { once: true });
    return granted.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Takes so many bytes more if there is nothing to wait for. */
  tryTake(bytes: number): boolean {
    if (this.#released || this.#waiter !== undefined)
      throw new Error('the share is released, or waits already');
    const taken = this.#owner.tryTake(bytes);
    if (taken) this.#held += bytes;
    return taken;
  }

  /** For the budget, which has counted what this one waits for. */
  grant(): void {
    const waiter = this.#waiter as Waiter;
    this.#waiter = undefined;
    this.#held += waiter.bytes;
    waiter.resolve();
  }

  /** Gives back everything. Calling it again does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#leave(() => new Error('the share has been released'));
    this.#owner.onRelease(this.#held);
    this.#held = 0;
  }

  /** @param reason made only if somebody waits: an error takes note of where it was made, which takes 15 µs */
  #leave(reason: () => unknown): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    waiter.reject(reason());
    this.#owner.onLeave();
  }
}
