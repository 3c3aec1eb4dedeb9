import type { Piece } from './block-merge.ts';
import type { ExpositionWriter } from './exposition-writer.ts';
import type { FamilyHead, FamilyReading } from './family-reader.ts';

const NEWLINE = 0x0a;

/** A family that is not stored, but belongs to the gateway itself. */
export class OwnFamily implements FamilyReading {
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly unit = undefined;
  /** Stored lines of each series, or of each instance of a histogram or summary. */
  #entries: string[];

  constructor(name: string, type: string, help: string | undefined, entries: readonly string[]) {
    this.name = name;
    this.type = type;
    this.help = help;
    this.#entries = [...entries];
  }

  /** Leaves out what somebody has pushed under the same labels. */
  hideBehind({ text }: Piece): void {
    this.#entries = this.#entries.filter((entry) => {
      // The last line of a histogram is its count, which all have.
      const last = entry.slice(entry.lastIndexOf('\n', entry.length - 2) + 1);
      const series = last.slice(0, last.lastIndexOf(' ') + 1);
      for (let at = text.indexOf(series); at >= 0; at = text.indexOf(series, at + 1)) {
        if (at === 0 || text[at - 1] === NEWLINE) return false;
      }
      return true;
    });
  }

  texts(): Piece[] {
    return this.#entries.length === 0 ? [] : [{ text: Buffer.from(this.#entries.join('')), features: 0 }];
  }
}

/**
 * The gateway's own families in an exposition of pushed ones. Whatever was pushed is shown: under the same name and type
 * own series come in the same family, and any other clash leaves the own family out.
 */
export class OwnFamilies {
  readonly #left: Set<OwnFamily>;
  readonly #claims = new Map<string, OwnFamily>();

  constructor(families: readonly OwnFamily[], writer: ExpositionWriter) {
    this.#left = new Set(families);
    writer.enter?.([]);
    for (const family of families) for (const name of writer.claims(family)) this.#claims.set(name, family);
  }

  /** A pushed family is shown that claims these names. Returns the own one that comes with it. */
  meet(family: FamilyHead, claims: readonly string[]): OwnFamily | undefined {
    let companion: OwnFamily | undefined;
    for (const name of claims) {
      const own = this.#claims.get(name);
      if (own === undefined || !this.#left.delete(own)) continue;
      if (own.name === family.name && own.type === family.type) companion = own;
    }
    return companion;
  }

  /** Those that no pushed one has met. */
  get left(): readonly OwnFamily[] {
    return [...this.#left];
  }
}
