import { NINE, ZERO } from '../character-classes.ts';
import { numberEnd, parseNumber } from '../numbers.ts';
import type { OpenMetricsType, SampleRole } from './metric-types.ts';
import { isName } from './name-text.ts';
import type { OpenMetricsSample } from './sample-line.ts';

const LE = Buffer.from('le');
const QUANTILE = Buffer.from('quantile');

/** The label that tells the samples of this role apart, if there is one. */
export function boundLabelOf(role: SampleRole): Buffer | undefined {
  return role === 'bucket' ? LE : role === 'quantile' ? QUANTILE : undefined;
}

/** The place of the label of this name, or -1. */
export function labelIndex(body: Buffer, sample: OpenMetricsSample, name: Uint8Array): number {
  for (let i = 0; i < sample.labels; i++) {
    if (isName(body, sample.labelStart[i], sample.labelEnd[i], name)) return i;
  }
  return -1;
}

/** The value of a sample, where it matters; NaN where any will do. */
export function sampleValue(
  body: Buffer,
  sample: OpenMetricsSample,
  type: OpenMetricsType,
  role: SampleRole,
): number {
  if (role === 'created' || (role === 'value' && type !== 'info' && type !== 'stateset')) return Number.NaN;
  const { numberStart, numberEnd } = sample;
  let value = 0;
  let i = numberStart;
  while (i < numberEnd && body[i] >= ZERO && body[i] <= NINE) value = value * 10 + body[i++] - ZERO;
  const isSmallInteger = i === numberEnd && i - numberStart < 16;
  return isSmallInteger ? value : parseNumber(body.toString('latin1', numberStart, numberEnd));
}

/** What is wrong with a value of this role, as a sentence without its end. */
export function valueProblem(type: OpenMetricsType, role: SampleRole, value: number): string | undefined {
  switch (role) {
    case 'total':
      return value >= 0 ? undefined : 'Expected a counter of at least 0';
    case 'bucket':
    case 'count':
      return value >= 0 && (value === Infinity || Number.isInteger(value))
        ? undefined
        : 'Expected a whole number of at least 0';
    case 'sum':
      if (Number.isNaN(value)) return 'Expected a number as sum';
      return value < 0 && type !== 'gaugehistogram' ? 'Expected a sum of at least 0' : undefined;
    case 'quantile':
      return value < 0 ? 'Expected a quantile of at least 0' : undefined;
    case 'value':
      if (type === 'info' && value !== 1) return 'Expected 1 as value of an info';
      return type === 'stateset' && value !== 0 && value !== 1
        ? 'Expected 0 or 1 as value of a state'
        : undefined;
    case 'created':
      return undefined;
  }
}

/** The number that a label's value is, or NaN. */
export function boundOf(body: Buffer, sample: OpenMetricsSample, label: number): number {
  const start = sample.valueStart[label];
  const end = sample.valueEnd[label];
  return numberEnd(body, start, end) === end ? parseNumber(body.toString('latin1', start, end)) : Number.NaN;
}
