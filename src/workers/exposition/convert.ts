import type { BodyFormat } from '../messages.ts';
import type { Converted } from './converted.ts';
import { type OpenMetricsOptions, openMetricsToText } from './openmetrics/open-metrics-to-text.ts';
import { protobufToText } from './protobuf/protobuf-to-text.ts';

/** A body, or a piece of one, as text that the parser takes with `extended`; undefined if it is text already. */
export function convert(
  body: Buffer,
  format: BodyFormat | undefined,
  options: OpenMetricsOptions,
): Converted | undefined {
  if (format === 'openmetrics') return openMetricsToText(body, options);
  return format === 'protobuf' ? protobufToText(body, options) : undefined;
}
