import type { Arena } from '../redis/byte-pool.ts';
import { MIB } from '../units.ts';
import type { BlockBuilder, BuiltFamily } from './block-builder.ts';
import type { ParsedFamily } from './exposition/families.ts';
import type { ParsedBlock, ParsedEntries, PushParts } from './exposition/parsed-block.ts';

/** Some families of 10,000 series. The text of a part stays where the processor has it at hand, more or less. */
const PART_BYTES = 2 * MIB;

/** Builds the blocks of a push to a group as it is read. */
export class PartsBuilder implements PushParts {
  readonly bytes = PART_BYTES;
  readonly #builder: BlockBuilder;
  readonly #arena: Arena;
  readonly #blocks = new Map<ParsedFamily, BuiltFamily['blocks']>();

  /** @param arena holds what is built */
  constructor(builder: BlockBuilder, arena: Arena) {
    this.#builder = builder;
    this.#arena = arena;
  }

  take(part: ParsedEntries): void {
    for (const { index, blocks } of this.#builder.build(part, this.#arena)) {
      if (blocks.length > 0) this.#blocks.set(part.families[index], blocks);
    }
  }

  discard(): void {
    this.#blocks.clear();
    this.#arena.release();
  }

  /** The families of all parts, what came last included. */
  finish(parsed: ParsedBlock): BuiltFamily[] {
    this.take(parsed);
    return parsed.families.map((family, index) => ({ index, blocks: this.#blocks.get(family) ?? [] }));
  }
}
