/** The metric types of OpenMetrics, the samples that each has, and what becomes of both in the text format. */

export type OpenMetricsType =
  | 'counter'
  | 'gauge'
  | 'gaugehistogram'
  | 'histogram'
  | 'info'
  | 'stateset'
  | 'summary'
  | 'unknown';

/** What a sample is in its metric. `value` is the only one of its metric. */
export type SampleRole = 'value' | 'total' | 'bucket' | 'quantile' | 'sum' | 'count' | 'created';

/** Suffix in OpenMetrics, role, suffix in text. */
type Suffix = readonly [suffix: string, role: SampleRole, textSuffix: string];

const CREATED: Suffix = ['_created', 'created', ''];
const BUCKET: Suffix = ['_bucket', 'bucket', '_bucket'];
const SUM: Suffix = ['_sum', 'sum', '_sum'];
const COUNT: Suffix = ['_count', 'count', '_count'];
const VALUE: Suffix = ['', 'value', ''];

export const SUFFIXES: Readonly<Record<OpenMetricsType, readonly Suffix[]>> = {
  counter: [['_total', 'total', '_total'], CREATED],
  gauge: [VALUE],
  gaugehistogram: [BUCKET, ['_gcount', 'count', '_count'], ['_gsum', 'sum', '_sum']],
  histogram: [BUCKET, COUNT, SUM, CREATED],
  info: [['_info', 'value', '_info']],
  stateset: [VALUE],
  summary: [['', 'quantile', ''], COUNT, SUM, CREATED],
  unknown: [VALUE],
};

export function isOpenMetricsType(word: string): word is OpenMetricsType {
  return Object.hasOwn(SUFFIXES, word);
}

/** What a family's name has appended in text: counters and infos are named as their samples there. */
export function textFamilySuffix(type: OpenMetricsType): string {
  return type === 'counter' ? '_total' : type === 'info' ? '_info' : '';
}

export function textType(type: OpenMetricsType): string {
  return type === 'unknown' ? 'untyped' : type;
}

/** Whether a metric of the type may have several samples, which have to stand together. */
export function hasManySamples(type: OpenMetricsType): boolean {
  return SUFFIXES[type].length > 1;
}
