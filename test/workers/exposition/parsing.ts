import { SCRATCH } from '../../../src/workers/exposition/entry-list.ts';
import type { ParsedFamily } from '../../../src/workers/exposition/families.ts';
import {
  type ParsedBlock,
  type ParsedEntries,
  type ParseOptions,
  TextParser,
} from '../../../src/workers/exposition/text-parser.ts';
import { SeriesHash } from '../../../src/workers/identity.ts';

export const SECRET = Buffer.from('the hash secret!');

export interface Entry {
  readonly family: string;
  /** The rendered lines. */
  readonly text: string;
  readonly hash: string;
  readonly line: number;
  readonly samples: number;
  readonly features: number;
}

/** What a parser made of a block, copied out of its buffers. */
export interface Parsed extends Pick<ParsedBlock, 'lines' | 'rejected' | 'errors' | 'problem'> {
  readonly families: readonly ParsedFamily[];
  readonly entries: readonly Entry[];
  /** All rendered lines. */
  readonly text: string;
  readonly messages: readonly string[];
}

const parser = new TextParser(new SeriesHash(SECRET));

/** Parses with one parser that all tests of a file share, so that what one block leaves behind would show in the next. */
export function parse(text: string | Buffer, options: Partial<ParseOptions> = {}): Parsed {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const block = parser.parse(bytes, { timestamps: 'strip', whole: true, declared: new Map(), ...options });
  const entries = entriesOf(block);
  return {
    lines: block.lines,
    rejected: block.rejected,
    errors: block.errors,
    problem: block.problem,
    families: block.families.map((family) => ({ ...family })),
    entries,
    text: entries.map((entry) => entry.text).join(''),
    messages: block.errors.map(({ message }) => message),
  };
}

/** What is in the buffers of a parser, copied. */
export function entriesOf(parsed: ParsedEntries): Entry[] {
  return Array.from({ length: parsed.entries.count }, (_, i) => entryOf(parsed, i));
}

/** The identity of a series with these labels, as they would stand between the braces. */
export function hashOf(labels: string): string {
  const hash = new SeriesHash(SECRET);
  const bytes = Buffer.from(labels);
  hash.hash(bytes, 0, bytes.length);
  return `${hash.hi}:${hash.lo}`;
}

function entryOf({ text, scratch, families, entries }: ParsedEntries, i: number): Entry {
  const inScratch = entries.start[i] >= SCRATCH;
  const offset = inScratch ? SCRATCH : 0;
  const source = inScratch ? scratch : text;
  return {
    family: families[entries.family[i]].name,
    text: source.toString('utf8', entries.start[i] - offset, entries.end[i] - offset),
    hash: `${entries.hashHi[i]}:${entries.hashLo[i]}`,
    line: entries.line[i],
    samples: entries.samples[i],
    features: entries.features[i],
  };
}
