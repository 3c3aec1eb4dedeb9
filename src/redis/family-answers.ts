import type { FamilyRef } from './asked-families.ts';
import { BlockPlaces } from './block-places.ts';
import { CommandList } from './connection/command-list.ts';
import type { Slab } from './connection/slab.ts';
import type { BatchSink } from './connection/wire.ts';
import { FamilyBlocks, type Needed } from './family-blocks.ts';

const DIGIT_0 = 0x30;

/**
 * The answers to TIME, and then to HVALS or HGETALL of each of some families, or to HGET and MGET of one on shelves. Used again
 * for others when they are done with.
 */
export class FamilyAnswers implements BatchSink {
  /** Families that were asked for. */
  refs: readonly FamilyRef[] = [];
  /** By which they are asked for. */
  readonly commands = new CommandList();
  readonly #places = new BlockPlaces();
  readonly #blocks: FamilyBlocks[] = [];
  /** Whose answer is coming; -1: the time. */
  #at = -1;
  /** Answers of it that have been given. */
  #ofIt = 0;
  #timeParts: number[] = [];

  /** The clock of the server before it looked at any of them, ms. */
  get nowMs(): number {
    const [seconds, microseconds] = this.#timeParts;
    return seconds * 1000 + Math.floor(microseconds / 1000);
  }

  blocksOf(family: number): FamilyBlocks {
    return this.#blocks[family];
  }

  /** @param known what each must be asked for besides the values: its fields, or so many shelves. Undefined: nothing */
  expect(refs: readonly FamilyRef[], known?: (index: number) => Needed | undefined): void {
    this.refs = refs;
    this.commands.clear();
    while (this.#blocks.length < refs.length) this.#blocks.push(new FamilyBlocks(this.#places));
    for (let i = 0; i < refs.length; i++) {
      const needed = known?.(i);
      this.#blocks[i].withFields = needed === true;
      this.#blocks[i].shelves = typeof needed === 'number' ? needed : 0;
    }
  }

  begin(): void {
    // What a batch that failed has left.
    for (let i = 0; i <= this.#at && i < this.refs.length; i++) this.#blocks[i].release();
    this.#at = -1;
    this.#ofIt = 0;
    this.#timeParts = [];
    this.#places.clear();
  }

  bulk(slab: Slab, from: number, to: number): void {
    if (this.#at >= 0 && this.#ofIt > 0) this.#blocks[this.#at].shelf(slab, from, to);
    else if (this.#at >= 0) this.#blocks[this.#at].bulk(slab, from, to);
    else this.#timeParts.push(numberIn(slab.bytes, from, to));
  }

  nil(): void {
    this.#blocks[this.#at].nil();
  }

  end(): void {
    if (this.#at >= 0 && this.#blocks[this.#at].shelves > 0 && ++this.#ofIt < 2) return;
    this.#at++;
    this.#ofIt = 0;
  }

  release(): void {
    for (let i = 0; i < this.refs.length; i++) this.#blocks[i].release();
    this.#places.clear();
    this.refs = [];
    this.#at = -1;
  }
}

function numberIn(digits: Buffer, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + digits[i] - DIGIT_0;
  return value;
}
