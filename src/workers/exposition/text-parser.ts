import { isUtf8 } from 'node:buffer';
import { knownNames } from '../../redis/known-texts.ts';
import { escapeQuoted } from '../../redis/label-text.ts';
import type { SeriesHash } from '../identity.ts';
import type { TimestampPolicy } from '../messages.ts';
import { CanonicalLine } from './canonical-line.ts';
import {
  BLANK,
  HASH,
  METRIC_NAME,
  METRIC_NAME_START,
  NEWLINE,
  OPEN,
  skipBlanks,
} from './character-classes.ts';
import {
  byteOrderMarkLength,
  CommentLine,
  contentEnd,
  forEachInstanceType,
  forEachType,
  isEof,
} from './comment-line.ts';
import { EntryList } from './entry-list.ts';
import { type DeclaredInstances, FamilyTable, type Member, type ParsedFamily } from './families.ts';
import type { GroupLabels } from './group-labels.ts';
import { InstanceLines } from './instance-lines.ts';
import { boundLabel, InstanceSamples } from './instance-samples.ts';
import { Instances } from './instances.ts';
import { isRepeated } from './label-places.ts';
import { MetadataLines } from './metadata-lines.ts';
import { metricText } from './metric-text.ts';
import { isClassicMetricName } from './names.ts';
import type { ParsedBlock, ParsedEntries, ParseOptions, PushParts } from './parsed-block.ts';
import { checkNames, checkSeries, withSamples } from './push-check.ts';
import { PushProblems } from './push-problem.ts';
import { Rejections } from './rejections.ts';
import { SampleLine } from './sample-line.ts';
import { MAX_RENDERED_BYTES, Scratch } from './scratch.ts';
import { SeriesLines } from './series-lines.ts';
import { isValidUtf8 } from './utf8.ts';

export type { ParsedBlock, ParsedEntries, ParseOptions };

/**
 * So many families are read in one go: what is made of each takes much more memory than the few bytes that a body needs
 * to name it.
 */
const MAX_FAMILIES = 4096;

/** A push to a group is read in one go, and Redis lists the families of a group in one: it may not have more than this. */
const MAX_PUSH_FAMILIES = 16_384;

/** Of a body whose newlines were removed on the way nothing is left but a comment: that must not pass as a push of nothing. */
const NO_NEWLINE = 'Expected a newline after a comment (curl -d removes them, --data-binary does not)';

/**
 * Parses the text format 0.0.4, a block of whole lines at a time. Bad lines are reported and leave the others alone.
 *
 * Lines in canonical form stay where they are; they take one pass over the bytes and no allocation. On Node 20 this
 * makes 4.3 million lines of 124 bytes a second with one thread (530 MB/s), 1.4 million lines of histograms, and 0.9
 * million if every line has to be rendered anew, say because its labels are not in order. With the labels of a group it
 * makes 2.3 million lines, blocks included, 1.7 million of histograms.
 */
export class TextParser {
  readonly #hash: SeriesHash;
  readonly #entries = new EntryList();
  readonly #scratch = new Scratch();
  readonly #families = new FamilyTable();
  readonly #series: SeriesLines;
  readonly #instances: Instances;
  readonly #instanceSamples: InstanceSamples;
  readonly #instanceLines: InstanceLines;
  readonly #problems = new PushProblems();
  readonly #rejections = new Rejections();
  readonly #comment = new CommentLine();
  readonly #metadata = new MetadataLines(this.#comment, this.#families, this.#rejections);
  readonly #canonical = new CanonicalLine();
  readonly #sample = new SampleLine();

  #text: Buffer = Buffer.alloc(0);
  #timestamps: TimestampPolicy = 'strip';
  #strict = false;
  /** The body has no newline at all. */
  #isOneLine = false;
  #group: GroupLabels | undefined;
  #parts: PushParts | undefined;
  /** So many bytes may be rendered besides what was given out in parts. */
  #room = MAX_RENDERED_BYTES;
  /** A family goes on that was in a part. */
  #isTorn = false;
  /** Entries of instances, while a part is given out. */
  readonly #held = new EntryList();
  #line = 0;
  /** The metric name of the line before, and what it is a name of; undefined if it stood in quotes. */
  #nameStart = 0;
  #nameEnd = 0;
  #member: Member | undefined;
  /** The family of the line before. */
  #family: ParsedFamily | undefined;

  constructor(hash: SeriesHash) {
    this.#hash = hash;
    this.#series = new SeriesLines(this.#entries, hash, this.#scratch);
    this.#instances = new Instances(this.#entries, hash);
    this.#instanceSamples = new InstanceSamples(this.#families, this.#instances);
    this.#instanceLines = new InstanceLines(this.#entries, this.#instances, hash, this.#scratch);
  }

  parse(text: Buffer, options: ParseOptions): ParsedBlock {
    this.#reset(text, options);
    // What a push to a group declares counts from there on.
    if (!this.#strict) this.#declareTypes(text, options.declared);
    const consumed = this.#readLines(isUtf8(text));
    const whole = options.whole && consumed === text.length;
    if (this.#isTorn) {
      const { parts, ...others } = options;
      parts?.discard();
      return this.parse(text, others);
    }
    if (!this.#problems.isUnreadable) {
      this.#instanceLines.room = this.#room;
      this.#instanceLines.render(text, this.#families, whole, this.#rejections);
    }
    this.#entries.dropEmpty();
    this.#countEntries();
    const content = this.#content();
    if (this.#strict && this.#problems.first === undefined) {
      content.families = withSamples(this.#families.list, this.#entries);
      checkSeries(content, this.#problems);
      checkNames(content.families, this.#problems);
    }
    const { scratch, families, entries, areDistinct } = content;
    return {
      text,
      scratch,
      families,
      entries,
      areDistinct,
      consumed,
      lines: this.#line,
      rejected: this.#rejections.counts,
      errors: this.#rejections.errors(),
      problem: this.#problems.first,
    };
  }

  /**
   * A TYPE counts for the lines before it, too. That makes a difference only where there are histograms or summaries;
   * elsewhere, and that is in most texts, it is soon enough when its turn comes.
   */
  #declareTypes(text: Buffer, before: DeclaredInstances): void {
    let matters = before.size > 0;
    const found = (): void => {
      matters = true;
    };
    if (!matters) forEachInstanceType(text, found, this.#comment);
    if (matters) forEachType(text, (name, type) => this.#families.declare(name, type), this.#comment);
  }

  /** The histograms and summaries that have been declared up to the end of the text that was parsed last, all of it. */
  declared(): DeclaredInstances {
    return this.#families.instances();
  }

  #content(): { -readonly [Property in keyof ParsedEntries]: ParsedEntries[Property] } {
    return {
      text: this.#text,
      scratch: this.#scratch.bytes.subarray(0, this.#scratch.length),
      families: this.#families.list,
      entries: this.#entries,
      // A push with a series twice has a problem.
      areDistinct: this.#strict,
    };
  }

  #reset(text: Buffer, options: ParseOptions): void {
    const { strict = false, group, extended = false, utf8Names = true } = options;
    this.#text = text;
    this.#canonical.begin(text);
    this.#timestamps = options.timestamps;
    this.#strict = strict;
    this.#isOneLine = options.whole && !extended && text.indexOf(NEWLINE) < 0;
    this.#group = group;
    this.#parts = strict ? options.parts : undefined;
    this.#room = MAX_RENDERED_BYTES;
    this.#isTorn = false;
    this.#line = 0;
    this.#nameStart = 0;
    this.#nameEnd = 0;
    this.#member = undefined;
    this.#family = undefined;
    this.#entries.reset();
    this.#scratch.clear();
    this.#families.reset(options.declared);
    this.#instances.reset(group !== undefined);
    this.#rejections.reset();
    this.#problems.reset();
    this.#rejections.problems = strict ? this.#problems : undefined;
    this.#series.begin(group);
    this.#instanceLines.group = group;
    // Converters leave out what may be left out, and nothing else.
    this.#instanceLines.strict = strict && !extended;
    this.#instanceSamples.strict = strict;
    this.#metadata.strict = strict;
    this.#comment.extended = extended;
    this.#comment.quotedNames = utf8Names;
    this.#sample.extended = extended;
    this.#sample.quotedNames = utf8Names;
  }

  /** @returns where it stopped: at the end, or before a line of another family when there are enough */
  #readLines(valid: boolean): number {
    const text = this.#text;
    // Up to here every scan stops at a newline, so that the canonical lines need no other bound.
    const lastNewline = text.lastIndexOf(NEWLINE);
    let at = byteOrderMarkLength(text);
    while (at < text.length && !this.#isTorn) {
      const isMuch = this.#families.list.length >= MAX_FAMILIES || this.#scratch.length > this.#room;
      if (isMuch && this.#hasEnough(at)) return at;
      this.#line++;
      if (text[at] === NEWLINE) {
        at++;
        continue;
      }
      if (valid && at <= lastNewline) {
        const next = this.#canonicalLine(at);
        if (next > 0) {
          at = next;
          continue;
        }
      }
      let newline = at;
      while (newline < text.length && text[newline] !== NEWLINE) newline++;
      this.#anyLine(at, contentEnd(text, at, newline), valid);
      if (this.#problems.isUnreadable) return text.length;
      at = newline + 1;
    }
    return text.length;
  }

  /** Whether to stop before this line, since there is much already. */
  #hasEnough(start: number): boolean {
    const isTooLong = this.#scratch.length > this.#room;
    if (!this.#strict) return isTooLong || !this.#mayContinue(start);
    if (!isTooLong && this.#families.list.length < MAX_PUSH_FAMILIES) return false;
    const limit = isTooLong
      ? `${MAX_RENDERED_BYTES} bytes with the labels of the group`
      : `${MAX_PUSH_FAMILIES} metric families`;
    this.#problems.syntax(this.#line, `Expected at most ${limit}.`);
    return true;
  }

  /** Whether the line may belong to the family of the line before, which should not be torn. */
  #mayContinue(start: number): boolean {
    const name = this.#family?.name;
    if (name === undefined) return false;
    const form = isClassicMetricName(name) ? name : `{"${escapeQuoted(name)}`;
    return this.#text.toString('utf8', start, start + Buffer.byteLength(form)) === form;
  }

  /** Takes a line in canonical form. @returns the start of the next line, or -1 if this one is not */
  #canonicalLine(start: number): number {
    const text = this.#text;
    const canonical = this.#canonical;
    const nameLength = this.#nameEnd - this.#nameStart;
    let i = start + nameLength;
    if (
      this.#member === undefined ||
      METRIC_NAME[text[i]] === 1 ||
      !isRepeated(canonical.places.view, this.#nameStart, start, nameLength)
    ) {
      i = start;
      if (METRIC_NAME_START[text[start]] === 0) return -1;
      while (METRIC_NAME[text[i]] === 1) i++;
      if (text[i] !== OPEN && text[i] !== BLANK) return -1;
      this.#resolve(start, i);
    }

    const member = this.#member as Member;
    if (!canonical.scan(text, i, boundLabel(member.family.kind))) return -1;
    const next = canonical.valueEnd + 1;
    if (member.role === 'series') {
      const family = this.#families.indexOf(member, this.#line);
      if (this.#group !== undefined) {
        this.#series.addCanonical(family, text, start, i, canonical, this.#group, this.#line);
        return next;
      }
      this.#hash.hash(text, canonical.labelsStart, canonical.labelsEnd);
      this.#entries.add(family, this.#hash.hi, this.#hash.lo, start, next, this.#line, 1);
      return next;
    }
    return this.#instanceSamples.takeCanonical(member, text, canonical, this.#line) ? next : -1;
  }

  /** Takes or refuses a line of any form. */
  #anyLine(start: number, end: number, valid: boolean): void {
    const text = this.#text;
    const first = skipBlanks(text, start, end);
    if (first === end) return;
    if (text[first] === HASH) {
      if (this.#isOneLine && !isEof(text, first, end)) {
        this.#rejections.line(this.#line, 'syntax', NO_NEWLINE, text, first, end);
        return;
      }
      this.#metadata.take(text, first, end, this.#line);
      return;
    }
    const sample = this.#sample;
    if (!valid && !isValidUtf8(text, first, end)) sample.fail('Expected valid UTF-8', first);
    else if (this.#take(sample, first, end)) return;
    if (sample.reason === 'timestamp' && this.#timestamps === 'reject') {
      this.#rejections.problems?.check(this.#line, 'pushed metrics must not have timestamps');
    }
    this.#rejections.line(this.#line, sample.reason, sample.problem, text, sample.problemAt, end);
  }

  #take(sample: SampleLine, start: number, end: number): boolean {
    if (!sample.scanName(this.#text, start, end)) return false;
    const member = sample.nameQuoted
      ? this.#resolveQuoted(sample.name())
      : this.#resolve(sample.nameStart, sample.nameEnd);
    if (!sample.scanLabels(end)) return false;
    if (this.#strict && this.#problems.first === undefined) this.#checkLabels(member, sample);
    if (member.role !== 'series') {
      return this.#instanceSamples.take(member, this.#text, sample, this.#line, end, this.#timestamps);
    }
    if (!sample.scanValue(end, this.#timestamps)) return false;
    this.#series.add(this.#families.indexOf(member, this.#line), this.#text, sample, this.#line);
    return true;
  }

  #checkLabels(member: Member, sample: SampleLine): void {
    const reserved = sample.labels.reserved();
    if (reserved < 0) return;
    const metric = metricText(member.family.name, this.#series.labelText(sample));
    const label = sample.labels.nameOf(reserved);
    this.#problems.check(this.#line, `collected ${metric} has a label with an invalid name: ${label}`);
  }

  #resolve(nameStart: number, nameEnd: number): Member {
    if (this.#member !== undefined && this.#isNameBefore(nameStart, nameEnd)) return this.#member;
    const member = this.#begin(knownNames.find(this.#text, nameStart, nameEnd, 'latin1'));
    this.#member = member;
    this.#family = member.family;
    this.#nameStart = nameStart;
    this.#nameEnd = nameEnd;
    return member;
  }

  #resolveQuoted(name: string): Member {
    const member = this.#begin(name);
    this.#member = undefined;
    this.#family = member.family;
    this.#nameEnd = this.#nameStart;
    return member;
  }

  /** Goes on to the lines of another metric name. */
  #begin(name: string): Member {
    const parts = this.#parts;
    if (parts !== undefined && this.#scratch.length > parts.bytes && name !== this.#family?.name) {
      this.#giveOut(parts);
    }
    const member = this.#families.member(name);
    // They are counted when they are given out.
    this.#isTorn ||= member.family.entries > 0;
    member.family.sampled = true;
    return member;
  }

  /** The text of what has been read is not needed any more when it has been taken, but for lines of instances. */
  #giveOut(parts: PushParts): void {
    this.#instances.lift(this.#held);
    if (this.#held.count > 0) this.#entries.dropEmpty();
    this.#countEntries();
    const part = this.#content();
    checkSeries(part, this.#problems);
    if (this.#problems.first === undefined) parts.take(part);
    this.#room -= this.#scratch.length;
    this.#scratch.length = 0;
    this.#entries.reset();
    this.#instances.putBack(this.#held);
  }

  #isNameBefore(nameStart: number, nameEnd: number): boolean {
    const text = this.#text;
    const before = this.#nameStart;
    if (nameEnd - nameStart !== this.#nameEnd - before) return false;
    for (let i = nameStart, j = before; i < nameEnd; i++, j++) if (text[i] !== text[j]) return false;
    return true;
  }

  #countEntries(): void {
    const { count, family } = this.#entries;
    const { list } = this.#families;
    for (let i = 0; i < count; i++) list[family[i]].entries++;
  }
}
