import { escapeQuoted } from '../../redis/label-text.ts';
import { clashesOf } from '../../redis/name-claims.ts';
import { OPEN, QUOTE } from './character-classes.ts';
import { type EntryList, SCRATCH } from './entry-list.ts';
import type { ParsedFamily } from './families.ts';
import { boundLabel } from './instance-samples.ts';
import { metricText } from './metric-text.ts';
import { closingQuote } from './names.ts';
import type { ParsedEntries } from './parsed-block.ts';
import type { PushProblems } from './push-problem.ts';

/** Sees whether a push has a series twice. */
export function checkSeries(content: ParsedEntries, problems: PushProblems): void {
  const repeated = firstRepeated(content.families.length, content.entries);
  if (repeated < 0) return;
  const metric = entryText(content, repeated);
  const line = content.entries.line[repeated];
  problems.check(line, `collected ${metric} was collected before with the same name and label values`);
}

/**
 * The first entry that is another one again, or -1. Each family has a part of the table to itself, so that a body with
 * its families one after the other stays within a small one: 20 ns an entry of a million, and 65 with one for all.
 */
function firstRepeated(families: number, entries: EntryList): number {
  const { count, family, hashHi, hashLo } = entries;
  const counts = new Int32Array(families);
  for (let i = 0; i < count; i++) counts[family[i]]++;
  const starts = new Int32Array(families);
  const masks = new Int32Array(families);
  let slots = 0;
  for (let i = 0; i < families; i++) {
    let size = 1;
    while (size < counts[i] * 1.5) size *= 2;
    starts[i] = slots;
    masks[i] = size - 1;
    slots += size;
  }
  // Open addressing; an entry is in there by its index plus one.
  const table = new Int32Array(slots);
  for (let i = 0; i < count; i++) {
    const start = starts[family[i]];
    const mask = masks[family[i]];
    let slot = hashLo[i] & mask;
    for (; table[start + slot] !== 0; slot = (slot + 1) & mask) {
      const other = table[start + slot] - 1;
      if (hashLo[other] === hashLo[i] && hashHi[other] === hashHi[i]) return i;
    }
    table[start + slot] = i + 1;
  }
  return -1;
}

function entryText({ text, scratch, families, entries }: ParsedEntries, entry: number): string {
  const { name, kind } = families[entries.family[entry]];
  const inScratch = entries.start[entry] >= SCRATCH;
  const offset = inScratch ? SCRATCH : 0;
  const lines = (inScratch ? scratch : text).subarray(
    entries.start[entry] - offset,
    entries.end[entry] - offset,
  );
  const open = lines[0] === OPEN && lines[1] === QUOTE ? closingQuote(lines, 2) : lines.indexOf(OPEN);
  const line = lines.subarray(0, lines.indexOf('\n'));
  const labels = open < 0 || open > line.length ? '' : line.toString('utf8', open + 1).replace(/^,/, '');
  return metricText(name, labels, boundLabel(kind)?.toString());
}

/** Sees whether names clash: a histogram or summary has samples of other names than its own, which nobody else may have. */
export function checkNames(families: readonly ParsedFamily[], problems: PushProblems): void {
  const collected = new Map<string, ParsedFamily>();
  for (const family of families) {
    const { name, kind, firstLine } = family;
    for (const clash of clashesOf(name, kind)) {
      const other = collected.get(clash.family);
      if (other === undefined) continue;
      if (clash.kinds === 'any') {
        const what = clash.family.endsWith('_bucket') ? 'histogram' : 'histogram or summary';
        problems.check(
          firstLine,
          `collected ${what} named ${quoted(name)} collides with previously collected metric named ${quoted(other.name)}`,
        );
      } else if (clash.kinds.includes(other.kind)) {
        problems.check(
          firstLine,
          `collected metric named ${quoted(name)} collides with previously collected ${other.kind} named ${quoted(other.name)}`,
        );
      }
    }
    collected.set(name, family);
  }
}

function quoted(name: string): string {
  return `"${escapeQuoted(name)}"`;
}

/** The families that have entries; these are renumbered accordingly. */
export function withSamples(list: ParsedFamily[], entries: EntryList): ParsedFamily[] {
  const kept = list.filter((family) => family.entries > 0);
  if (kept.length === list.length) return list;
  let next = 0;
  const places = list.map((family) => (family.entries > 0 ? next++ : -1));
  for (let i = 0; i < entries.count; i++) entries.family[i] = places[entries.family[i]];
  return kept;
}
