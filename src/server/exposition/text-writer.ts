import { FEATURE_EXTRAS, FEATURE_QUOTED_NAMES } from '../../redis/block.ts';
import type { Piece } from '../../redis/block-merge.ts';
import type { ExpositionSink, ExpositionWriter } from '../../redis/exposition-writer.ts';
import { type FamilyHead, kindOf } from '../../redis/family-reader.ts';
import { occupiedNames } from '../../redis/name-claims.ts';
import { NEWLINE } from '../../workers/exposition/character-classes.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Escaping } from './escaping.ts';
import { nameInComment, writeSeries } from './series-text.ts';
import { ShownNames } from './shown-names.ts';
import { escapeText, StoredLine } from './stored-line.ts';

/** What the format calls types that it does not know. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['info', 'gauge'],
  ['stateset', 'gauge'],
  ['gaugehistogram', 'histogram'],
]);

/**
 * Text format 0.0.4, and 1.0.0, which may have names in quotes (`allow-utf-8`). What is stored is nearly that: only
 * extras have to go, and names that have to be escaped.
 */
export class TextWriter implements ExpositionWriter {
  readonly #names: ShownNames;
  readonly #rewritten: number;
  readonly #line = new StoredLine();
  readonly #out = new ByteWriter();
  #shown = '';
  #stored = '';

  constructor(escaping: Escaping) {
    this.#names = new ShownNames(escaping);
    this.#rewritten = FEATURE_EXTRAS | (escaping === 'allow-utf-8' ? 0 : FEATURE_QUOTED_NAMES);
  }

  otherNames(name: string): readonly string[] | undefined {
    return this.#names.otherNames(name);
  }

  rename(name: string, shown: string): void {
    this.#names.rename(name, shown);
  }

  claims({ name, type }: FamilyHead): readonly string[] {
    return occupiedNames(this.#names.family(name), kindOf(type));
  }

  begin({ name, type, help }: FamilyHead, sink: ExpositionSink): void {
    this.#shown = this.#names.family(name);
    this.#stored = name;
    const comment = nameInComment(this.#shown);
    // Not joined first: that takes as long as all the rest, and there may be very many small families.
    if (help !== undefined) {
      sink.text('# HELP ');
      sink.text(comment);
      sink.text(' ');
      sink.text(help);
      sink.text('\n');
    }
    sink.text('# TYPE ');
    sink.text(comment);
    sink.text(' ');
    sink.text(TYPES.get(type) ?? type);
    sink.text('\n');
  }

  piece({ text, features }: Piece, sink: ExpositionSink): void {
    if ((features & this.#rewritten) === 0) {
      sink.push(text);
      return;
    }
    const out = this.#out;
    const line = this.#line;
    const storedLength = Buffer.byteLength(escapeText(this.#stored));
    for (let at = 0; at < text.length; ) {
      at = line.scan(text, at);
      const labelNames = this.#names.labels(text, line);
      if (labelNames === undefined && (!line.hasQuotedName || this.#names.escaping === 'allow-utf-8')) {
        out.copy(text, line.start, line.plainEnd);
      } else {
        const suffix = text.toString('latin1', line.nameStart + storedLength, line.nameEnd);
        writeSeries(out, text, line, this.#shown + suffix, labelNames);
        out.copy(text, line.seriesEnd, line.plainEnd);
      }
      out.byte(NEWLINE);
    }
    sink.push(out.take());
  }

  end(): void {}

  finish(): void {}
}
