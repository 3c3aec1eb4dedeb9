import { BACKSLASH, COMMA, LOWER_N, QUOTE } from '../character-classes.ts';
import type { ConvertedText } from '../converted.ts';
import { parseNumber } from '../numbers.ts';
import { formatSeconds } from '../seconds.ts';
import { writeLabel } from './label-text.ts';
import type { OpenMetricsSample } from './sample-line.ts';

/** Of label names and values together, by the specification. */
export const MAX_EXEMPLAR_CHARACTERS = 128;

/** What is wrong with the exemplar of a sample, as a sentence without its end. */
export function exemplarProblem(body: Buffer, sample: OpenMetricsSample): string | undefined {
  let characters = 0;
  const names = new Set<string>();
  for (let label = sample.labels; label < sample.exemplarLabels; label++) {
    const { labelStart, labelEnd, valueStart, valueEnd } = sample;
    characters += countCharacters(body, labelStart[label], labelEnd[label]);
    characters += countCharacters(body, valueStart[label], valueEnd[label]);
    if (characters > MAX_EXEMPLAR_CHARACTERS) {
      return `Expected at most ${MAX_EXEMPLAR_CHARACTERS} characters of labels in an exemplar`;
    }
    names.add(body.toString('latin1', labelStart[label], labelEnd[label]));
  }
  return names.size < sample.exemplarLabels - sample.labels
    ? 'Expected each label of an exemplar once'
    : undefined;
}

/** Appends ` # {labels} value [timestamp]`. */
export function writeExemplar(out: ConvertedText, body: Buffer, sample: OpenMetricsSample): void {
  out.latin1(' # {');
  for (let label = sample.labels; label < sample.exemplarLabels; label++) {
    if (label > sample.labels) {
      out.reserve(1);
      out.byte(COMMA);
    }
    writeLabel(out, body, sample, label);
  }
  out.latin1(`} ${body.toString('latin1', sample.exemplarNumberStart, sample.exemplarNumberEnd)}`);
  const { exemplarTimestampStart, exemplarTimestampEnd } = sample;
  if (exemplarTimestampEnd === exemplarTimestampStart) return;
  const seconds = plainSeconds(body.toString('latin1', exemplarTimestampStart, exemplarTimestampEnd));
  if (seconds !== undefined) out.latin1(` ${seconds}`);
}

/** A number of seconds without an exponent, as it stands if it has none; undefined if it is not a time after 1970. */
export function plainSeconds(number: string): string | undefined {
  if (/^\d{1,15}(\.\d{1,9})?$/.test(number)) return number;
  return formatSeconds(parseNumber(number));
}

/** Of an escaped text in UTF-8. */
function countCharacters(text: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    const next = text[i + 1];
    if (text[i] === BACKSLASH && (next === BACKSLASH || next === QUOTE || next === LOWER_N)) i++;
    if ((text[i] & 0xc0) !== 0x80) count++;
  }
  return count;
}
