import { CLOSE, COMMA, EQUALS, OPEN, QUOTE } from '../../workers/exposition/character-classes.ts';
import { isClassicMetricName } from '../../workers/exposition/names.ts';
import type { ByteWriter } from './byte-writer.ts';
import { escapeText, LABEL_STRIDE, type StoredLine } from './stored-line.ts';

/**
 * Writes a series in text.
 *
 * @param name of the sample, as shown
 * @param labelNames if other than in the line
 * @param boundSuffix to be added to the value of the last label
 */
export function writeSeries(
  out: ByteWriter,
  text: Buffer,
  line: StoredLine,
  name: string,
  labelNames: readonly string[] | undefined,
  boundSuffix = '',
): void {
  const isClassic = isClassicMetricName(name);
  if (isClassic) {
    out.string(name);
    if (line.labelCount === 0) return;
    out.byte(OPEN);
  } else {
    out.string(`{"${escapeText(name)}"`);
    if (line.labelCount > 0) out.byte(COMMA);
  }
  writeLabels(out, text, line, labelNames, boundSuffix);
  out.byte(CLOSE);
}

/** Writes labels, without braces. */
export function writeLabels(
  out: ByteWriter,
  text: Buffer,
  line: StoredLine,
  names: readonly string[] | undefined,
  boundSuffix = '',
): void {
  if (names === undefined) {
    out.copy(text, line.labelsStart, boundSuffix === '' ? line.labelsEnd : line.labelsEnd - 1);
  } else {
    for (let i = 0; i < line.labelCount; i++) {
      if (i > 0) out.byte(COMMA);
      out.string(names[i]);
      out.byte(EQUALS);
      const end = line.labels[i * LABEL_STRIDE + 3];
      const isLast = i === line.labelCount - 1;
      out.copy(text, line.labels[i * LABEL_STRIDE + 2] - 1, isLast && boundSuffix !== '' ? end : end + 1);
    }
  }
  if (boundSuffix === '') return;
  out.string(boundSuffix);
  out.byte(QUOTE);
}

/** A metric name as it stands in HELP, TYPE and UNIT lines. */
export function nameInComment(name: string): string {
  return isClassicMetricName(name) ? name : `"${escapeText(name)}"`;
}
