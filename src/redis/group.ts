import { createHash } from 'node:crypto';
import { bucketOfText } from './keys.ts';
import { type Labels, parseLabels, renderLabels } from './label-text.ts';

const INSTANCE = 'instance';
/** Bytes of a record before its labels; see commands/shared/group-record.lua. */
const RECORD_HEADER_BYTES = 25;

/** What the store needs to know of a group, from its grouping key. */
export interface Group {
  readonly labels: Labels;
  /** 8 bytes: two grouping keys have the same with a chance of 1 in 2^64. */
  readonly id: Buffer;
  readonly bucket: number;
  /** The labels of its own series, `instance` always among them: `instance="",job="j"`. */
  readonly exposed: string;
  /** `instance` is not in the key. */
  readonly addsInstance: boolean;
  /** The names of the labels in the key: groups of one shape cannot hold the same series. */
  readonly shape: string;
}

export function groupOf(labels: Labels): Group {
  const addsInstance = !labels.some(([name]) => name === INSTANCE);
  const exposed = addsInstance ? withInstance(labels) : labels;
  const exposedText = renderLabels(exposed);
  return {
    labels,
    id: groupId(labels),
    // Groups that differ by an empty `instance` only are exposed under the same labels: they must meet.
    bucket: bucketOfText(exposedText),
    exposed: exposedText,
    addsInstance,
    shape: labels.map(([name]) => encodeURIComponent(name)).join(','),
  };
}

export function groupId(labels: Labels): Buffer {
  return createHash('sha256').update(renderLabels(labels)).digest().subarray(0, 8);
}

/** The names of the labels in the keys of groups of this shape. */
export function namesOfShape(shape: string): string[] {
  return shape === '' ? [] : shape.split(',').map((name) => decodeURIComponent(name));
}

/**
 * The id of the one group whose key has these names that could hold a series with these labels, or undefined if none
 * could: its grouping key is what the series has under those names.
 */
export function candidateOf(
  names: readonly string[],
  labels: ReadonlyMap<string, string>,
): Buffer | undefined {
  const key: Array<[string, string]> = [];
  for (const name of names) {
    const value = labels.get(name);
    if (value === undefined) return undefined;
    key.push([name, value]);
  }
  return groupId(key);
}

/** A group as it stands in the store. */
export interface GroupInfo {
  readonly labels: Labels;
  readonly exposed: string;
  readonly addsInstance: boolean;
  /** Unix time, s; 0: there was none. */
  readonly pushTimeS: number;
  readonly failureTimeS: number;
  /** Unix time, ms; NEVER_MS: never. */
  readonly deadlineMs: number;
}

/** Whether `instance` is in the key, and empty: then another group may be exposed under the same labels, one without. */
export function hasEmptyInstance(group: GroupInfo): boolean {
  if (group.addsInstance || !group.exposed.includes(`${INSTANCE}=""`)) return false;
  return group.labels.some(([name, value]) => name === INSTANCE && value === '');
}

/** Reads a record; undefined if it is damaged. */
export function groupInfo(record: Buffer): GroupInfo | undefined {
  if (record.length < RECORD_HEADER_BYTES) return undefined;
  return new StoredGroup(record);
}

class StoredGroup implements GroupInfo {
  readonly exposed: string;
  readonly addsInstance: boolean;
  readonly pushTimeS: number;
  readonly failureTimeS: number;
  readonly deadlineMs: number;
  #labels: Labels | undefined;

  constructor(record: Buffer) {
    this.exposed = record.toString('utf8', RECORD_HEADER_BYTES);
    this.addsInstance = record[24] === 1;
    this.pushTimeS = record.readDoubleLE(0);
    this.failureTimeS = record.readDoubleLE(8);
    this.deadlineMs = record.readDoubleLE(16);
  }

  /** Worked out when asked for: a scrape nearly never does, and it takes as long as all the rest of a group. */
  get labels(): Labels {
    if (this.#labels === undefined) {
      const all = parseLabels(this.exposed);
      this.#labels = this.addsInstance ? all.filter(([name]) => name !== INSTANCE) : all;
    }
    return this.#labels;
  }
}

function withInstance(labels: Labels): Labels {
  const exposed: Array<readonly [string, string]> = [...labels, [INSTANCE, '']];
  return exposed.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
