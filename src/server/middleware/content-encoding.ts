import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';

export type ContentEncoding = 'identity' | 'gzip';

/** How the body of a request is encoded. Throws ERR_CONTENT_ENCODING for anything that is not taken, twice gzip too. */
export function contentEncoding(headers: IncomingHttpHeaders): ContentEncoding {
  const codings = (headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length === 0) return 'identity';
  // RFC 9110, 8.4.1.3: x-gzip is the same.
  if (codings.length === 1 && (codings[0] === 'gzip' || codings[0] === 'x-gzip')) return 'gzip';
  const given = JSON.stringify(codings.join(', ').slice(0, 80));
  throw new RequestError(
    'ERR_CONTENT_ENCODING',
    `Content-Encoding ${given} is not supported: send gzip or identity`,
    {
      headers: { 'Accept-Encoding': 'gzip, identity' },
    },
  );
}
