import { KIB } from '../../units.ts';
import type { GroupingKey } from '../../workers/messages.ts';
import { RequestError } from '../errors.ts';
import { escapeName, unescapeName } from './escaped-name.ts';
import { percentDecode, utf8Text } from './percent-encoding.ts';
import { Base64Error, decodeUrlBase64 } from './url-base64.ts';

const MAX_PATH_CHARACTERS = 64 * KIB;
const MAX_LABELS = 1_000;
const BASE64_SUFFIX = '@base64';
const CLASSIC_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export interface NameOptions {
  /** Whether label names may have any characters, and be escaped as `U__…`. */
  readonly utf8Names: boolean;
}

/** The path names no group. The message is, where there is one, that of the official gateway. */
export class GroupingKeyError extends RequestError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_GROUPING_KEY', message, options);
  }
}

/**
 * The key in `job/<job>{/<label>/<value>}`, which follows `/metrics/` in a path as it came. It is split before it is
 * decoded: `%2F` is a slash within a value, and two slashes have an empty value between them, as prom-client means it;
 * to the official gateway they are a separator and a mistake. `.` and `..` are values like others.
 */
export function parseGroupingKey(rawPath: string, { utf8Names }: NameOptions): GroupingKey {
  if (rawPath.length > MAX_PATH_CHARACTERS) {
    throw new GroupingKeyError(`a path of more than ${MAX_PATH_CHARACTERS / KIB} KiB names no group`);
  }
  const [first = Buffer.of(), jobPart = Buffer.of(), ...parts] = rawPath.split('/').map(decodePart);
  const root = first.toString('latin1');
  if (root !== 'job' && root !== `job${BASE64_SUFFIX}`) {
    throw new RequestError('ERR_NOT_FOUND', 'a group is named as job/<job>{/<label>/<value>}');
  }
  const job = root === 'job' ? jobPart : decodeJob(jobPart);
  // One slash at the end of job/<job>/ says nothing.
  if (parts.length === 1 && parts[0]?.length === 0) parts.pop();
  if (parts.length % 2 !== 0) {
    throw new GroupingKeyError(`odd number of components in label string ${quoted(joined(parts))}`);
  }
  if (parts.length / 2 > MAX_LABELS) {
    throw new GroupingKeyError(`a grouping key has at most ${MAX_LABELS} labels`);
  }
  const labels = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    const [name, value] = decodeLabel(parts[i] as Buffer, parts[i + 1] as Buffer, utf8Names);
    labels.set(name, value);
  }
  if (job.length === 0) throw new GroupingKeyError('job name is required');
  labels.set('job', validValue('job', job));
  return sortedByName(labels);
}

function decodePart(part: string): Buffer {
  const decoded = percentDecode(part);
  if (typeof decoded === 'string') throw new GroupingKeyError(`invalid URL escape ${quoted(decoded)}`);
  return decoded;
}

function decodeJob(given: Buffer): Buffer {
  try {
    return decodeUrlBase64(given);
  } catch (error) {
    const { decoded, message } = error as Base64Error;
    // What could be decoded is what the official gateway shows.
    throw new GroupingKeyError(`invalid base64 encoding in job name ${quoted(decoded)}: ${message}`, {
      cause: error,
    });
  }
}

function decodeLabel(namePart: Buffer, valuePart: Buffer, utf8Names: boolean): [name: string, value: string] {
  const isBase64 = namePart.toString('latin1').endsWith(BASE64_SUFFIX);
  const nameBytes = isBase64 ? namePart.subarray(0, namePart.length - BASE64_SUFFIX.length) : namePart;
  const given = utf8Text(nameBytes);
  const name = given !== undefined && utf8Names ? unescapeName(given) : given;
  if (given === undefined || name === undefined || !isLabelName(name, utf8Names) || given.startsWith('__')) {
    throw new GroupingKeyError(`improper label name ${quoted(nameBytes)}`);
  }
  if (!isBase64) return [name, validValue(name, valuePart)];
  try {
    return [name, validValue(name, decodeUrlBase64(valuePart))];
  } catch (error) {
    if (!(error instanceof Base64Error)) throw error;
    const label = `${given}=${quoted(valuePart)}`;
    throw new GroupingKeyError(`invalid base64 encoding for label ${label}: ${error.message}`, {
      cause: error,
    });
  }
}

/** Names with `__` at the start are for Prometheus's own use, also where they were escaped. */
function isLabelName(name: string, utf8Names: boolean): boolean {
  if (name.startsWith('__')) return false;
  return utf8Names ? name !== '' : CLASSIC_NAME.test(name);
}

function validValue(name: string, bytes: Buffer): string {
  const value = utf8Text(bytes);
  if (value === undefined) {
    throw new GroupingKeyError(`label ${name} has a value that is not valid UTF-8: ${quoted(bytes)}`);
  }
  return value;
}

function sortedByName(labels: ReadonlyMap<string, string>): GroupingKey {
  return [...labels]
    .map((label) => ({ label, bytes: Buffer.from(label[0]) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ label }) => label);
}

function joined(parts: readonly Buffer[]): Buffer {
  const slash = Buffer.from('/');
  return Buffer.concat(parts.flatMap((part) => [slash, part]));
}

/** As Go's %q would have it, as far as it matters, and never long. */
function quoted(text: Buffer | string): string {
  const bytes = Buffer.from(text);
  const valid = utf8Text(bytes);
  const clipped = (valid ?? bytes.toString('latin1')).slice(0, 200);
  const escaped = JSON.stringify(clipped).replaceAll(/\\u00([01][0-9a-f])/g, '\\x$1');
  const control = valid === undefined ? /[\x7f-\xff]/g : /[\x7f-\x9f]/g;
  return escaped.replaceAll(control, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
}

/**
 * The path of a group, `job/…`, that `parseGroupingKey` reads back with the same options. The official gateway reads it
 * as well: what it would misread is in base64.
 */
export function groupingPath(key: GroupingKey, { utf8Names }: NameOptions = { utf8Names: true }): string {
  const job = key.filter(([name]) => name === 'job');
  const others = key.filter(([name]) => name !== 'job');
  return [...job, ...others]
    .map(([name, value]) => {
      const isPlain = CLASSIC_NAME.test(name) && !(utf8Names && name.startsWith('U__'));
      return pathParts(isPlain ? name : escapeName(name), value);
    })
    .join('/');
}

function pathParts(name: string, value: string): string {
  if (value === '') return `${name}${BASE64_SUFFIX}/=`;
  if (value.includes('/') || value === '.' || value === '..') {
    return `${name}${BASE64_SUFFIX}/${Buffer.from(value).toString('base64url')}`;
  }
  return `${name}/${encodeURIComponent(value)}`;
}
