import { FEATURE_QUOTED_NAMES } from '../../redis/block.ts';
import type { Piece } from '../../redis/block-merge.ts';
import type { ExpositionSink, ExpositionWriter } from '../../redis/exposition-writer.ts';
import type { FamilyHead } from '../../redis/family-reader.ts';
import { BLANK, CLOSE, HASH, NEWLINE, OPEN } from '../../workers/exposition/character-classes.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Escaping } from './escaping.ts';
import { BoundRewriter, isWhole } from './open-metrics-bounds.ts';
import { type OpenMetricsFamily, openMetricsFamily } from './open-metrics-family.ts';
import { nameInComment, writeLabels, writeSeries } from './series-text.ts';
import { ShownNames } from './shown-names.ts';
import { escapeText, LABEL_STRIDE, StoredLine } from './stored-line.ts';

/** What gauge histograms call what is stored as in other histograms. */
const GAUGE_SUFFIXES: Readonly<Record<string, string>> = { _sum: '_gsum', _count: '_gcount' };

/** Types that must not have a unit. */
const UNITLESS: ReadonlySet<string> = new Set(['info', 'stateset']);

/** OpenMetrics 1.0.0, which Prometheus asks for by default, so what is stored goes out as it is where that is right. */
export class OpenMetricsWriter implements ExpositionWriter {
  readonly #names: ShownNames;
  /** Features of text that need not be looked at line by line. */
  readonly #harmless: number;
  readonly #line = new StoredLine();
  readonly #exemplar = new StoredLine();
  readonly #out = new ByteWriter();
  readonly #bounds = { le: new BoundRewriter('le'), quantile: new BoundRewriter('quantile') };
  #taken: ReadonlySet<string> = new Set();
  #shown = '';
  #storedLength = 0;
  #family: OpenMetricsFamily = openMetricsFamily('', { type: 'untyped' }, this.#taken);

  constructor(escaping: Escaping) {
    this.#names = new ShownNames(escaping);
    this.#harmless = escaping === 'allow-utf-8' ? FEATURE_QUOTED_NAMES : 0;
  }

  otherNames(name: string): readonly string[] | undefined {
    return this.#names.otherNames(name);
  }

  rename(name: string, shown: string): void {
    this.#names.rename(name, shown);
  }

  enter(names: readonly string[]): void {
    this.#taken = new Set(names);
  }

  claims(family: FamilyHead): readonly string[] {
    return openMetricsFamily(this.#names.family(family.name), family, this.#taken).claims;
  }

  begin(head: FamilyHead, sink: ExpositionSink): void {
    this.#shown = this.#names.family(head.name);
    this.#storedLength = Buffer.byteLength(escapeText(head.name));
    this.#family = openMetricsFamily(this.#shown, head, this.#taken);
    const { name, type } = this.#family;
    const comment = nameInComment(name);
    let text = head.help === undefined ? '' : `# HELP ${comment} ${head.help.replaceAll('"', '\\"')}\n`;
    text += `# TYPE ${comment} ${type}\n`;
    if (head.unit && !UNITLESS.has(type) && name.endsWith(`_${head.unit}`))
      text += `# UNIT ${comment} ${head.unit}\n`;
    sink.text(text);
  }

  piece({ text, features }: Piece, sink: ExpositionSink): void {
    const { bound, type } = this.#family;
    if (type !== 'gaugehistogram' && (features & ~this.#harmless) === 0) {
      if (bound === undefined) {
        sink.push(text);
        return;
      }
      if (features === 0) {
        sink.push(this.#bounds[bound].rewrite(text));
        return;
      }
    }
    for (let at = 0; at < text.length; ) {
      at = this.#line.scan(text, at);
      this.#writeLine(text);
    }
    sink.push(this.#out.take());
  }

  end(): void {}

  finish(sink: ExpositionSink): void {
    sink.text('# EOF\n');
  }

  #writeLine(text: Buffer): void {
    const { type, bound, createdName, exemplars } = this.#family;
    const out = this.#out;
    const line = this.#line;
    const labelNames = this.#names.labels(text, line);
    const stored = text.toString('latin1', line.nameStart + this.#storedLength, line.nameEnd);
    const suffix = type === 'gaugehistogram' ? (GAUGE_SUFFIXES[stored] ?? stored) : stored;
    const boundSuffix = bound !== undefined && this.#hasWholeBound(text, bound) ? '.0' : '';
    writeSeries(out, text, line, this.#shown + suffix, labelNames, boundSuffix);
    out.copy(text, line.seriesEnd, line.valueEnd);
    this.#writeTimestamp(text);
    if (exemplars && line.exemplarStart >= 0) this.#writeExemplar(text);
    out.byte(NEWLINE);
    if (line.createdStart < 0 || createdName === undefined) return;
    writeSeries(out, text, line, createdName, labelNames);
    out.byte(BLANK);
    out.copy(text, line.createdStart, line.createdEnd);
    this.#writeTimestamp(text);
    out.byte(NEWLINE);
  }

  #hasWholeBound(text: Buffer, bound: string): boolean {
    const { labels, labelCount } = this.#line;
    if (labelCount === 0) return false;
    const [nameStart, nameEnd, valueStart, valueEnd] = labels.slice((labelCount - 1) * LABEL_STRIDE);
    return text.toString('latin1', nameStart, nameEnd) === bound && isWhole(text, valueStart, valueEnd);
  }

  #writeTimestamp(text: Buffer): void {
    const { timestampStart, timestampEnd } = this.#line;
    if (timestampStart < 0) return;
    this.#out.byte(BLANK);
    this.#out.string(inSeconds(text.toString('latin1', timestampStart, timestampEnd)));
  }

  #writeExemplar(text: Buffer): void {
    const out = this.#out;
    const exemplar = this.#exemplar;
    exemplar.scanExemplar(text, this.#line);
    out.byte(BLANK);
    out.byte(HASH);
    out.byte(BLANK);
    out.byte(OPEN);
    writeLabels(out, text, exemplar, this.#names.labels(text, exemplar));
    out.byte(CLOSE);
    out.copy(text, exemplar.valueStart - 1, this.#line.end);
  }
}

/** Milliseconds, as decimal digits, in seconds. */
export function inSeconds(milliseconds: string): string {
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(milliseconds) as unknown as [string, string, string];
  const padded = digits.padStart(4, '0');
  const fraction = padded.slice(-3).replace(/0+$/, '');
  return `${sign === '-' ? '-' : ''}${padded.slice(0, -3)}${fraction === '' ? '' : `.${fraction}`}`;
}
