import type { IncomingHttpHeaders } from 'node:http';
import type { BodyFormat } from '../../workers/messages.ts';

const OPENMETRICS = 'application/openmetrics-text';
const PROTOBUF = 'application/vnd.google.protobuf';
const MESSAGE = 'io.prometheus.client.MetricFamily';

/** `; name=value` or `; name="value"`, as MIME has it. */
const PARAMETER = /\s*;\s*([^\s;=",]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;",]*))\s*/y;

/** The format of a body, from its content type. What is neither OpenMetrics nor delimited protobuf is text. */
export function bodyFormat(headers: IncomingHttpHeaders): BodyFormat {
  const contentType = headers['content-type'] ?? '';
  const mediaType = /^\s*([^\s;,]+)/.exec(contentType)?.[1].toLowerCase();
  if (mediaType === OPENMETRICS) return 'openmetrics';
  if (mediaType !== PROTOBUF) return 'text';
  const parameters = parametersOf(contentType);
  const isDelimited = parameters.get('proto') === MESSAGE && parameters.get('encoding') === 'delimited';
  return isDelimited ? 'protobuf' : 'text';
}

/** Up to the first that is not well-formed. */
function parametersOf(contentType: string): Map<string, string> {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = contentType.indexOf(';');
  for (;;) {
    if (PARAMETER.lastIndex < 0) return parameters;
    const found = PARAMETER.exec(contentType);
    if (found === null) return parameters;
    const [, name, quoted, plain] = found;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
  }
}
