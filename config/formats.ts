import { isIP, isIPv6 } from 'node:net';
import { formatDuration, parseDuration } from './duration.ts';
import { maskEndpoints, parseEndpoints } from './endpoints.ts';

/** A kind of setting: how its text is read, written and explained. */
export interface Format<T> {
  /** Its name for convict: the same for formats that take the same values. */
  readonly name: string;
  /** Completes "it takes …" in a message. */
  readonly takes: string;
  /** The value that the text stands for; undefined if the format does not take it. */
  readonly parse: (text: string) => T | undefined;
  /** The value as text that `parse` would take. Never shows a secret. */
  print(value: T): string;
  /** The text given, without what may be a secret in it. Undefined: nothing can be. */
  readonly mask?: (text: string) => string;
  /** How a flag's placeholder shows a value: strings in quotes. */
  readonly quoted?: boolean;
  /** Takes several values separated by commas; in the file also as a list. */
  readonly isList?: boolean;
  /** What stands between the values, if it is not a comma. */
  readonly separator?: string;
  /** For lists of mappings in the file: the text of one of them; undefined if it is not one that is taken. */
  readonly itemText?: (fields: ReadonlyMap<string, string>) => string | undefined;
}

/** Milliseconds, written as a Go duration. The bounds are durations too. */
export function duration(min: string, max: string): Format<number> {
  const minMs = parseDuration(min) as number;
  const maxMs = parseDuration(max) as number;
  return {
    name: `duration(${min}, ${max})`,
    takes: `a duration from ${min} to ${max}, such as 300ms, 5m or 1h30m`,
    parse: (text) => within(parseDuration(text), minMs, maxMs),
    print: formatDuration,
  };
}

export function integer(min: number, max: number): Format<number> {
  return {
    name: `integer(${min}, ${max})`,
    takes: `a whole number from ${min} to ${max}`,
    parse: (text) => within(parseInteger(text), min, max),
    print: String,
  };
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes, written as a number or with a binary unit. The bounds are sizes too. */
export function bytes(min: string, max: string): Format<number> {
  const minBytes = parseBytes(min) as number;
  const maxBytes = parseBytes(max) as number;
  return {
    name: `bytes(${min}, ${max})`,
    takes: `a size from ${min} to ${max}, such as 4096, 512KiB or 64MiB`,
    parse: (text) => within(parseBytes(text), minBytes, maxBytes),
    print: printBytes,
  };
}

/** 0 lets the system choose a free port. */
export const port: Format<number> = {
  ...integer(0, 65_535),
  takes: 'a port number from 0 to 65535',
};

export const boolean: Format<boolean> = {
  name: 'boolean',
  takes: 'true or false',
  parse: (text) => {
    if (/^(true|t|yes|on|1)$/i.test(text)) {
      return true;
    }
    return /^(false|f|no|off|0)$/i.test(text) ? false : undefined;
  },
  print: String,
};

export function choice<const T extends string>(...values: readonly T[]): Format<T> {
  return {
    name: `choice(${values.join(', ')})`,
    takes: `one of ${values.filter((value) => value !== '').join(', ')}`,
    parse: (text) => values.find((value) => value === text),
    print: String,
  };
}

function text(name: string, takes: string, accepts: (value: string) => boolean): Format<string> {
  return {
    name,
    takes,
    parse: (value) => (accepts(value) ? value : undefined),
    print: String,
    quoted: true,
  };
}

export const anyText: Format<string> = text('text', 'text without control characters', (value) =>
  /^\P{Cc}*$/u.test(value),
);

export const filePath: Format<string> = text(
  'file path',
  'the path of a file',
  (value) => !value.includes('\0'),
);

/** Only characters that neither a router nor a client rewrites. */
export const urlPath: Format<string> = text(
  'URL path',
  'a path such as /metrics: it starts with /, does not end with one, and has letters, digits and . _ ~ - between',
  (value) => /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)+$/.test(value),
);

/** A path before all others, without a slash at the end: empty for none. Empty text means "not given". */
export const routePrefix: Format<string> = {
  ...text('route prefix', 'a path such as /pushgateway, or / for none', () => true),
  parse: (value) => {
    if (value === '' || value === '/') {
      return value;
    }
    const path = `/${value.replace(/^\/|\/$/g, '')}`;
    return urlPath.parse(path);
  },
};

export const externalUrl: Format<string> = text(
  'external URL',
  'a URL such as https://example.org/pushgateway, without user, query and fragment',
  (value) => value === '' || isPlainUrl(value),
);

function isPlainUrl(value: string): boolean {
  if (!/^https?:\/\/[^?#@\s]+$/i.test(value) || !URL.canParse(value)) {
    return false;
  }
  return routePrefix.parse(new URL(value).pathname) !== undefined;
}

export const listenHost: Format<string> = {
  ...text('host', 'a host name or an IP address, without a port; empty for all interfaces', () => true),
  parse: (value) => {
    const bare = value.replace(/^\[(.*)\]$/, '$1');
    if (bare !== value) {
      return isIPv6(bare) ? bare : undefined;
    }
    return isIP(value) !== 0 || /^[\w.-]*$/.test(value) ? value : undefined;
  },
};

/** Braces would move the hash tag that keeps the keys of a bucket in one slot. */
export const keyPrefix: Format<string> = text(
  'key prefix',
  '1 to 64 bytes of text without { or } or control characters',
  (value) => value !== '' && Buffer.byteLength(value) <= 64 && /^[^{}\p{Cc}]+$/u.test(value),
);

export const endpointList: Format<string> = {
  ...text(
    'endpoints',
    'host:port, host, :port, [IPv6]:port, unix:/path or redis[s]://[user:password@]host[:port][/db], several separated by commas, or the word embedded',
    (value) => parseEndpoints(value) !== undefined,
  ),
  print: maskEndpoints,
  mask: maskEndpoints,
  isList: true,
};

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

function parseInteger(digits: string): number | undefined {
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

function parseBytes(size: string): number | undefined {
  const match = /^(\d{1,15})(?: ?([A-Za-z]+))?$/.exec(size);
  const unit = match?.[2] ?? '';
  return match !== null && Object.hasOwn(SIZE_UNITS, unit)
    ? Number(match[1]) * (SIZE_UNITS[unit] as number)
    : undefined;
}

function printBytes(size: number): string {
  if (size === 0) {
    return '0';
  }
  const [unit, factor] = Object.entries(SIZE_UNITS).findLast(([, amount]) => size % amount === 0) as [
    string,
    number,
  ];
  return `${size / factor}${unit}`;
}
