import type { RawAnswer, RawRequest } from './raw-exchange.ts';
import type { TargetOptions } from './target.ts';

/**
 * One row of the table: requests, their answers, and what a scrape shows afterwards, all of a gateway that held nothing
 * before. What is said here is what the official gateway does; `ours` says where ours is meant to differ.
 */
export interface Case extends Outcome {
  readonly name: string;
  readonly requests: readonly RawRequest[];
  readonly ours?: Partial<Outcome> & {
    /** The difference, as `docs/compatibility.md` names it. */
    readonly why: string;
  };
  /** Not to be tried on the official gateway, and why. */
  readonly skipOfficial?: string;
}

export interface Outcome {
  /** One for each request. */
  readonly expect: ReadonlyArray<number | Expectation>;
  /**
   * `name{labels} value` for all pushed series. `# TYPE m gauge` and `# HELP m …` are looked for where they stand here.
   * `group {labels} STATE` tells of a group's push times, all of them if there is one: `ok` (pushed, never failed),
   * `failed` (pushed, and refused later), `refused` (never pushed with success). An empty list also means no groups.
   * `broken`: the scrape fails. Undefined: it is not looked at.
   */
  readonly scrape?: readonly string[] | 'broken';
}

export interface Expectation {
  readonly status: number;
  /** The whole body, byte for byte, or a pattern. */
  readonly body?: string | RegExp;
  /** The official gateway's wording of an error, without its last newline. Ours has its own. */
  readonly reason?: string | RegExp;
  /** In lower case; null: must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly check?: (answer: RawAnswer) => void;
}

export interface Section extends TargetOptions {
  readonly title: string;
  /** There is no wipe between the cases: each starts with what the one before it left. */
  readonly keeps?: true;
  readonly cases: readonly Case[];
}

export const BODY = 'm 1\n';

type Headers = Readonly<Record<string, string>>;

export function put(path: string, body: string | Buffer = BODY, headers: Headers = {}): RawRequest {
  return { method: 'PUT', path, body, headers };
}

export function post(path: string, body: string | Buffer = BODY, headers: Headers = {}): RawRequest {
  return { method: 'POST', path, body, headers };
}

export function del(path: string, body: string | Buffer = '', headers: Headers = {}): RawRequest {
  return { method: 'DELETE', path, body, headers };
}

export function get(path: string, headers: Headers = {}): RawRequest {
  return { method: 'GET', path, headers };
}

export function of(method: string, path: string, body: string | Buffer = ''): RawRequest {
  return { method, path, body };
}

/** What a scrape shows after `BODY` was pushed to the group that has these labels. */
export function stored(labels: string): string[] {
  return [`m{${labels}} 1`, `group {${labels}} ok`];
}

/** Both say the same, to the letter. */
export function refusedAs(reason: string): Expectation {
  return { status: 400, body: `${reason}\n` };
}

export function refused(reason: string | RegExp): Expectation {
  return { status: 400, reason };
}
