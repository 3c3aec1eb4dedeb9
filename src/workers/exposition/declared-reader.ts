import type { DeclaredTypes } from '../messages.ts';
import { NEWLINE } from './character-classes.ts';
import type { InstanceType } from './comment-line.ts';
import type { DeclaredInstances } from './families.ts';
import { unescapeQuoted } from './names.ts';

/** So much of the logs of several bodies is remembered, in bytes of log. */
const MAX_REMEMBERED_BYTES = 8 * 1024 * 1024;

/** By the letter that an entry of a log begins with. */
const TYPES: ReadonlyMap<string, InstanceType> = new Map([
  ['h', 'histogram'],
  ['s', 'summary'],
  ['g', 'gaugehistogram'],
]);
const NOTHING: DeclaredInstances = new Map();

/**
 * Reads which names a body has declared as histogram or summary. What was read for an earlier block of the body is
 * remembered, so that a long log is read once and not for each block.
 */
export class DeclaredReader {
  /** By body, the one that was used last at the end. */
  readonly #bodies = new Map<number, Body>();
  #remembered = 0;

  /** The names that `declared` tells, and none that the body has declared later. */
  read(bodyId: number, declared: DeclaredTypes | undefined): DeclaredInstances {
    if (declared === undefined) return NOTHING;
    let body = this.#bodies.get(bodyId);
    if (body !== undefined) this.#forget(bodyId, body);
    if (body === undefined || body.length > declared.length) body = { names: new Map(), length: 0 };
    readOn(body, declared);
    this.#remember(bodyId, body);
    return body.names;
  }

  #remember(bodyId: number, body: Body): void {
    this.#bodies.set(bodyId, body);
    this.#remembered += body.length;
    for (const [oldest, old] of this.#bodies) {
      if (this.#remembered <= MAX_REMEMBERED_BYTES || oldest === bodyId) break;
      this.#forget(oldest, old);
    }
  }

  #forget(bodyId: number, body: Body): void {
    this.#bodies.delete(bodyId);
    this.#remembered -= body.length;
  }
}

interface Body {
  readonly names: Map<string, InstanceType>;
  /** How much of the log has been read, in bytes. */
  length: number;
}

function readOn(body: Body, { log, length }: DeclaredTypes): void {
  const bytes = Buffer.from(log, 0, length);
  let at = body.length;
  while (at < length) {
    const end = bytes.indexOf(NEWLINE, at);
    const type = TYPES.get(String.fromCharCode(bytes[at]));
    if (type !== undefined) body.names.set(unescapeQuoted(bytes, at + 1, end), type);
    at = end + 1;
  }
  body.length = length;
}
