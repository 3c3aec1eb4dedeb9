import { isClassicMetricName } from '../../workers/exposition/names.ts';
import { type Escaping, escapeLabelName, escapeMetricName } from './escaping.ts';
import { isQuoted, LABEL_STRIDE, type StoredLine, unescapeText } from './stored-line.ts';

/** The names of families and labels in one exposition. */
export class ShownNames {
  readonly escaping: Escaping;
  readonly #families = new Map<string, string>();
  readonly #labels = new Map<string, string>();

  constructor(escaping: Escaping) {
    this.escaping = escaping;
  }

  /** See ExpositionWriter. */
  otherNames(family: string): readonly string[] | undefined {
    if (this.escaping === 'allow-utf-8' || isClassicMetricName(family)) return undefined;
    return [escapeMetricName(family, this.escaping), escapeMetricName(family, 'values')];
  }

  rename(family: string, shown: string): void {
    this.#families.set(family, shown);
  }

  family(stored: string): string {
    return this.#families.get(stored) ?? stored;
  }

  /** The names to show the labels of a line under, in their order; undefined if they can stay as they are. */
  labels(text: Buffer, line: StoredLine): string[] | undefined {
    if (this.escaping === 'allow-utf-8') return undefined;
    const { labels, labelCount } = line;
    let quoted = 0;
    for (let i = 0; i < labelCount; i++) if (isQuoted(text, labels[i * LABEL_STRIDE])) quoted++;
    if (quoted === 0) return undefined;
    const names: string[] = [];
    const taken = new Set<string>();
    for (let i = 0; i < labelCount; i++) {
      const at = labels[i * LABEL_STRIDE];
      names.push(unescapeText(text, at, labels[i * LABEL_STRIDE + 1]));
      if (!isQuoted(text, at)) taken.add(names[i]);
    }
    for (let i = 0; i < labelCount; i++) {
      if (!isQuoted(text, labels[i * LABEL_STRIDE])) continue;
      let shown = this.#escapedLabel(names[i]);
      if (taken.has(shown)) shown = escapeLabelName(names[i], 'values');
      while (taken.has(shown)) shown += '_';
      taken.add(shown);
      names[i] = shown;
    }
    return names;
  }

  #escapedLabel(name: string): string {
    let shown = this.#labels.get(name);
    if (shown === undefined) {
      shown = escapeLabelName(name, this.escaping);
      this.#labels.set(name, shown);
    }
    return shown;
  }
}
