import type { Arena } from '../redis/byte-pool.ts';
import { MIB } from '../units.ts';
import type { BlockBuilder, BuiltBlock } from './block-builder.ts';
import type { ParsedFamily } from './exposition/families.ts';
import type { ParsedBlock, ParsedEntries, PushParts } from './exposition/parsed-block.ts';

/** Some families of 10,000 series. The text of a part stays where the processor has it at hand, more or less. */
const PART_BYTES = 2 * MIB;

/** Builds the blocks of a push to a group as it is read. */
export class PartsBuilder implements PushParts {
  readonly bytes = PART_BYTES;
  readonly #builder: BlockBuilder;
  readonly #arena: Arena;
  readonly #blocks = new Map<ParsedFamily, readonly BuiltBlock[]>();

  /** @param arena holds what is built */
  constructor(builder: BlockBuilder, arena: Arena) {
    this.#builder = builder;
    this.#arena = arena;
  }

  take(part: ParsedEntries): void {
    const built = this.#builder.build(part, this.#arena);
    for (let index = 0; index < built.length; index++) {
      if (built[index].length > 0) this.#blocks.set(part.families[index], built[index]);
    }
  }

  discard(): void {
    this.#blocks.clear();
    this.#arena.release();
  }

  /** The blocks of the families of all parts, what came last included, in the order of the families. */
  finish(parsed: ParsedBlock): ReadonlyArray<readonly BuiltBlock[]> {
    this.take(parsed);
    return parsed.families.map((family) => this.#blocks.get(family) ?? []);
  }
}
