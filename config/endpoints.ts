import { isIPv6 } from 'node:net';
import type { RedisEndpoint } from '../src/redis/options.ts';

const DEFAULT_PORT = 6379;
/** Longest path of a Unix socket that Linux takes, less the final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/** One entry of `redis.endpoint`. What a URL says beyond the address is undefined elsewhere. */
export interface EndpointEntry {
  readonly endpoint: RedisEndpoint;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly secure?: boolean;
}

/**
 * The entries of `redis.endpoint`: `host:port`, `host`, `:port` (of localhost), `[IPv6]:port`, `unix:/path` or
 * `redis[s]://[[user]:password@]host[:port][/db]`, separated by commas; or the word `embedded` alone. Undefined if one
 * of them is not understood.
 */
export function parseEndpoints(text: string): readonly EndpointEntry[] | 'embedded' | undefined {
  if (text.trim() === 'embedded') {
    return 'embedded';
  }
  const entries: EndpointEntry[] = [];
  for (const part of text.split(',')) {
    const entry = parseEntry(part.trim());
    if (entry === undefined) {
      return undefined;
    }
    entries.push(entry);
  }
  return entries;
}

/** The text with everything left out that may be a secret, whether or not it is a list of endpoints. */
export function maskEndpoints(text: string): string {
  if (!text.includes('@') && parseEndpoints(text) === undefined) {
    // A URL that lost its @ still holds the password.
    return text.replace(/(:\/\/).*$/s, '$1***');
  }
  // A password may hold any character if it was not encoded: so up to the last @, over commas and all.
  return text.replace(/^(rediss?:\/\/)?.*@/is, '$1***@').replace(/[?#].*$/s, '?***');
}

/** The address as one would write it: `host:port`, `[IPv6]:port` or `unix:/path`. */
export function formatEndpoint(endpoint: RedisEndpoint): string {
  if ('path' in endpoint) {
    return `unix:${endpoint.path}`;
  }
  return isIPv6(endpoint.host) ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

function parseEntry(text: string): EndpointEntry | undefined {
  if (/^rediss?:\/\//i.test(text)) {
    return parseUrl(text);
  }
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) {
    const fits = Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES && !path.includes('\0');
    return fits ? { endpoint: { path } } : undefined;
  }
  const match = /^(\[[^\]]*\]|[\w.-]*)(?::(\d+))?$/.exec(text);
  if (match === null || text === '' || text === 'embedded') {
    return undefined;
  }
  const endpoint = address(match[1] || 'localhost', match[2]);
  return endpoint && { endpoint };
}

function parseUrl(text: string): EndpointEntry | undefined {
  let url: URL;
  let username: string;
  let password: string;
  try {
    url = new URL(text);
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
  } catch {
    return undefined;
  }
  const db = /^\/?(\d{0,9})$/.exec(url.pathname)?.[1];
  const endpoint = address(url.hostname, url.port);
  if (endpoint === undefined || db === undefined || url.search !== '' || url.hash !== '') {
    return undefined;
  }
  return {
    endpoint,
    secure: url.protocol === 'rediss:',
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(db !== '' && { db: Number(db) }),
  };
}

function address(host: string, portText: string | undefined): RedisEndpoint | undefined {
  const port = portText ? Number(portText) : DEFAULT_PORT;
  if (port < 1 || port > 65_535) {
    return undefined;
  }
  if (host.startsWith('[')) {
    const bare = host.slice(1, -1);
    return isIPv6(bare) ? { host: bare, port } : undefined;
  }
  return /^[\w.-]+$/.test(host) ? { host, port } : undefined;
}
