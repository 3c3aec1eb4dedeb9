import { kindOf } from '../../redis/family-reader.ts';
import { KIB } from '../../units.ts';
import type { FamilyKind } from '../identity.ts';
import { type InstanceType, isInstanceType, type MetricType } from './comment-line.ts';

/** Names that have been declared as histogram or summary. */
export type DeclaredInstances = ReadonlyMap<string, InstanceType>;

/** What a block says of one metric family. */
export interface ParsedFamily {
  /** Of any characters, without quotes or escapes. */
  readonly name: string;
  readonly kind: FamilyKind;
  /** From a TYPE line of this block, or a histogram or summary from an earlier one of the body. */
  type: MetricType | undefined;
  /** Still escaped, as it stands in an exposition. */
  help: string | undefined;
  /** From a UNIT line, which only OpenMetrics has. */
  unit: string | undefined;
  /** How many entries of the block are of this family; none if it has nothing but HELP, TYPE or refused lines. */
  entries: number;
  /** The first line that concerned the family, counted from 1. */
  readonly firstLine: number;
  /** The line of its TYPE, or 0 if this block has none. */
  typeLine: number;
}

/** What the lines of one metric name are in their family. */
export type Role = 'series' | 'bucket' | 'quantile' | 'sum' | 'count' | 'bare';

/** What TYPE lines have said of a name. `plain`: declared as neither histogram nor summary. */
export type KindOf = (name: string) => FamilyKind | undefined;

/** What lines are that have the very name of their family. */
const ROLES: Readonly<Record<FamilyKind, Role>> = { plain: 'series', histogram: 'bare', summary: 'quantile' };

const HISTOGRAM_SUFFIXES: readonly (readonly [string, Role])[] = [
  ['_bucket', 'bucket'],
  ['_sum', 'sum'],
  ['_count', 'count'],
];

/**
 * The family that lines of this name belong to, and as what. A name that has a TYPE of its own is its own family, even
 * if it looks like part of a histogram.
 */
export function membership(name: string, kindOf: KindOf): { family: string; kind: FamilyKind; role: Role } {
  const own = kindOf(name);
  if (own === 'histogram' || own === 'summary') return { family: name, kind: own, role: ROLES[own] };
  if (own === undefined) {
    for (const [suffix, role] of HISTOGRAM_SUFFIXES) {
      if (!name.endsWith(suffix)) continue;
      const family = name.slice(0, -suffix.length);
      const kind = kindOf(family);
      if (kind === 'histogram' || (kind === 'summary' && role !== 'bucket')) return { family, kind, role };
    }
  }
  return { family: name, kind: 'plain', role: 'series' };
}

/** A family whose name has been seen. It is on the list once a line of it has been accepted. */
interface Family extends ParsedFamily {
  kind: FamilyKind;
  firstLine: number;
  /** Index into the list, or -1. */
  index: number;
  /** A sample line with one of its names has been read. */
  sampled: boolean;
}

export interface Member {
  readonly family: Family;
  readonly role: Role;
}

/** So many names are known from one text to the next, and so long altogether: pushes have the same ones time and again. */
const MOST_KNOWN = 4096;
/** Where names are always others, so many may be forgotten at once: those of the text that made them too many, too. */
const MOST_FREE = 2 * MOST_KNOWN;
const MOST_KNOWN_LENGTH = 256 * KIB;

/** What has been found out about a name in the text that was looked at last. */
class KnownName implements Member {
  /** Which text that was. */
  text = 0;
  /** As declared there. */
  type: MetricType | undefined;
  /** Whether it has a family there: these two. */
  isMember = false;
  family: Family;
  role: Role = 'series';
  readonly #own: Family & { name: string };

  constructor(name: string) {
    this.#own = {
      name,
      kind: 'plain',
      type: undefined,
      help: undefined,
      unit: undefined,
      entries: 0,
      firstLine: 0,
      typeLine: 0,
      index: -1,
      sampled: false,
    };
    this.family = this.#own;
  }

  /** It is of another name now, in a text that is still to begin. */
  rename(name: string): this {
    this.#own.name = name;
    this.family = this.#own;
    return this;
  }

  begin(text: number): void {
    this.text = text;
    this.type = undefined;
    this.isMember = false;
  }

  /** It is the name of its family, which has no lines yet. */
  beginFamily(kind: FamilyKind, type: MetricType | undefined): void {
    const family = this.#own;
    this.family = family;
    family.kind = kind;
    family.type = type;
    family.help = undefined;
    family.unit = undefined;
    family.entries = 0;
    family.firstLine = 0;
    family.typeLine = 0;
    family.index = -1;
    family.sampled = false;
  }
}

/**
 * The names of one text, and the families they belong to, both good until the next one is begun: objects of names that come
 * again are used again, as to make them was a sixth of all garbage of small pushes.
 */
export class FamilyTable {
  list: ParsedFamily[] = [];
  #text = 0;
  #names = new Map<string, KnownName>();
  /** Of names that are not known any more. */
  readonly #free: KnownName[] = [];
  /** Of all of them. */
  #length = 0;
  #declared: DeclaredInstances = new Map();
  readonly #kindOf: KindOf = (name) => kindOfType(this.typeOf(name));

  reset(declared: DeclaredInstances): void {
    // They may be long, and would be held until the name comes again.
    for (const family of this.list) {
      family.help = undefined;
      family.unit = undefined;
    }
    this.list = [];
    this.#text++;
    if (this.#names.size > MOST_KNOWN || this.#length > MOST_KNOWN_LENGTH) {
      for (const known of this.#names.values()) {
        if (this.#free.length === MOST_FREE) break;
        this.#free.push(known.rename(''));
      }
      this.#names = new Map();
      this.#length = 0;
    }
    this.#declared = declared;
  }

  /**
   * Takes note of a TYPE line, before any sample is looked at; where no histograms or summaries are declared, it may also
   * be when its turn comes. Of several for one name the first counts, but histogram
   * and summary come before the other types: that is what the server tells about the earlier blocks of a body.
   */
  declare(name: string, type: MetricType): void {
    const declared = this.#declared.get(name);
    const known = this.#known(name);
    if (declared !== undefined) known.type = declared;
    else if (known.type === undefined || (!isInstanceType(known.type) && isInstanceType(type)))
      known.type = type;
  }

  /**
   * Takes note of a TYPE line in its place, when lines before it have been read as if it were not there.
   *
   * @returns false if it comes too late: its family has a type already, or samples
   */
  declareHere(name: string, type: MetricType): boolean {
    const known = this.#member(name);
    const { family } = known;
    if (family.name !== name || family.sampled || known.type !== undefined) return false;
    known.type = type;
    family.kind = kindOf(type);
    if (family.kind !== 'plain') known.role = ROLES[family.kind];
    return true;
  }

  /** What is declared as such, here or before. */
  instances(): DeclaredInstances {
    const all = new Map(this.#declared);
    for (const [name, { text, type }] of this.#names) {
      if (text === this.#text && type !== undefined && isInstanceType(type)) all.set(name, type);
    }
    return all;
  }

  typeOf(name: string): MetricType | undefined {
    const known = this.#names.get(name);
    return (known?.text === this.#text ? known.type : undefined) ?? this.#declared.get(name);
  }

  member(name: string): Member {
    return this.#member(name);
  }

  /** Puts the family of this name on the list, unless it is there. */
  enlist(name: string, line: number): ParsedFamily {
    return this.list[this.indexOf(this.#member(name), line)];
  }

  /** The index of the member's family in the list; it is put there if need be. */
  indexOf({ family }: Member, line: number): number {
    if (family.index < 0) {
      family.index = this.list.push(family) - 1;
      family.firstLine = line;
    }
    return family.index;
  }

  #known(name: string): KnownName {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = this.#free.pop()?.rename(name) ?? new KnownName(name);
      this.#names.set(name, known);
      this.#length += name.length;
    }
    if (known.text !== this.#text) known.begin(this.#text);
    return known;
  }

  #member(name: string): KnownName {
    const known = this.#known(name);
    if (known.isMember) return known;
    const { family, kind, role } = membership(name, this.#kindOf);
    known.isMember = true;
    known.role = role;
    if (family === name) known.beginFamily(kind, kind === 'plain' ? undefined : this.typeOf(name));
    else known.family = this.#member(family).family;
    return known;
  }
}

function kindOfType(type: MetricType | undefined): FamilyKind | undefined {
  return type === undefined ? undefined : kindOf(type);
}
