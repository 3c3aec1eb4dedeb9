import type { OnReadOpts } from 'node:net';
import { KIB } from '../../units.ts';
import type { BytePool } from '../byte-pool.ts';
import { Slab } from './slab.ts';

/** With less room than this a socket would be read too often. */
const LEAST_ROOM = 64 * KIB;
const RETURN = 0x0d;
const LINE_END = 0x0a;

/**
 * Takes what was received, in `slab` from `from` to `to`.
 * @returns where it goes on: what is left will be shown again, with more behind it. At most a quarter of a slab
 */
export type Reader = (slab: Slab, from: number, to: number) => number;

/** Where one socket reads into. */
export class Intake {
  /** To be given to the socket when it is made: https://nodejs.org/api/net.html#socketconnectoptions-connectlistener */
  readonly onread: OnReadOpts;
  #reader: Reader;
  #isAmidLineEnd = false;
  readonly #pool: BytePool;
  #slab: Slab | undefined;
  /** In the slab: what was received and is not read yet. */
  #from = 0;
  #to = 0;

  /**
   * @param reader who reads at first
   * @param onData called before each reading, with the socket that has received something
   */
  constructor(pool: BytePool, reader: Reader, onData?: (socket: unknown) => void) {
    this.#pool = pool;
    this.#reader = reader;
    const take = (bytes: number): void => this.#take(bytes);
    this.onread = {
      buffer: () => this.#room(),
      // Node calls it on the socket.
      callback(this: unknown, bytes: number): boolean {
        onData?.(this);
        take(bytes);
        return true;
      },
    };
  }

  /**
   * From now on another one reads, who knows nothing of what came before. The client library takes an answer for whole at
   * its `\r` already: the `\n` that is still to come is nobody's.
   */
  handOver(reader: Reader): void {
    this.#reader = this.#isAmidLineEnd ? (slab, from, to) => this.#skipTo(reader, slab, from, to) : reader;
  }

  #skipTo(reader: Reader, slab: Slab, from: number, to: number): number {
    this.#reader = reader;
    return reader(slab, slab.bytes[from] === LINE_END ? from + 1 : from, to);
  }

  #take(bytes: number): void {
    if (this.#slab === undefined || bytes === 0) return;
    this.#to += bytes;
    this.#isAmidLineEnd = this.#slab.bytes[this.#to - 1] === RETURN;
    this.#from = this.#reader(this.#slab, this.#from, this.#to);
  }

  #room(): Buffer {
    this.#slab ??= Slab.of(this.#pool);
    const slab = this.#slab;
    if (this.#from === this.#to && slab.isFree) {
      this.#from = 0;
      this.#to = 0;
    } else if (slab.bytes.length - this.#to < LEAST_ROOM) {
      this.#slab = Slab.of(this.#pool);
      this.#to = slab.bytes.copy(this.#slab.bytes, 0, this.#from, this.#to);
      this.#from = 0;
      slab.release();
    }
    return this.#slab.bytes.subarray(this.#to);
  }
}
