import type { IncomingHttpHeaders } from 'node:http';
import { hasZstd } from '../encoding/zstd.ts';
import { RequestError } from '../errors.ts';

export type ContentEncoding = 'identity' | 'gzip' | 'deflate' | 'snappy' | 'zstd';

const TAKEN: ReadonlyMap<string, ContentEncoding> = new Map([
  ['gzip', 'gzip'],
  // RFC 9110, 8.4.1.3: the same.
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['snappy', 'snappy'],
  ...(hasZstd ? ([['zstd', 'zstd']] as const) : []),
]);

export const ACCEPT_ENCODING = [...new Set(TAKEN.values()), 'identity'].join(', ');

/** How the body of a request is encoded. Throws ERR_CONTENT_ENCODING for anything that is not taken, two of them too. */
export function contentEncoding(headers: IncomingHttpHeaders): ContentEncoding {
  const codings = (headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length === 0) return 'identity';
  const [coding] = codings as [string];
  const encoding = TAKEN.get(coding);
  if (codings.length === 1 && encoding !== undefined) return encoding;
  const given = JSON.stringify(codings.join(', ').slice(0, 80));
  const why = coding === 'zstd' && !hasZstd ? ` by Node ${process.version}, but from 22.15 on` : '';
  throw new RequestError(
    'ERR_CONTENT_ENCODING',
    `Content-Encoding ${given} is not supported${why}: send one of ${ACCEPT_ENCODING}`,
    { headers: { 'Accept-Encoding': ACCEPT_ENCODING } },
  );
}
