import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { ConfigError, quote } from './config-error.ts';
import { reasonOf } from './file-error.ts';
import type { Given } from './given.ts';
import { type NamedSetting, settings, settingsByKey } from './schema.ts';
import { closest } from './spelling.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** Deep nesting exhausts the parser's stack, and then the process dies without a word; our files have three levels. */
const MAX_OPENINGS = 1000;
const MAX_ALIASES = 100;

/** The keys that hold others: `redis`, `redis.embedded`. */
const SECTIONS: ReadonlySet<string> = new Set(
  settings.flatMap(({ key }) => {
    const parents = key.split('.').slice(0, -1);
    return parents.map((_, i) => parents.slice(0, i + 1).join('.'));
  }),
);

/**
 * The settings that a configuration file gives, as text. Keys without a value count as not given.
 *
 * @throws {ConfigError} The file cannot be read, is not YAML, or has a key twice or one that does not exist. Of the
 *   file's text nothing but keys is in the messages: a line may hold a password.
 */
export function readConfigFile(path: string): Given[] {
  return new ConfigFile(path).given();
}

class ConfigFile {
  readonly #name: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #given: Given[] = [];

  constructor(path: string) {
    this.#name = basename(path);
    this.#document = this.#parse(readText(path));
  }

  given(): Given[] {
    this.#visitSection('', this.#document.contents);
    return this.#given;
  }

  #parse(text: string): Document {
    if ((text.match(/[[{]|[-?] /g)?.length ?? 0) > MAX_OPENINGS) {
      throw this.#invalid(this.#name, 'too many lists and mappings');
    }
    const document = parseDocument(text, {
      schema: 'core',
      uniqueKeys: true,
      prettyErrors: false,
      lineCounter: this.#lines,
    });
    // Duplicate keys are left to #visitSection, which knows them by their whole name.
    const problem = [...document.errors, ...document.warnings].find(({ code }) => code !== 'DUPLICATE_KEY');
    if (problem !== undefined) {
      const place = `${this.#name}, line ${this.#lines.linePos(problem.pos[0]).line}`;
      throw this.#invalid(place, `a mistake (${problem.code.toLowerCase().replaceAll('_', ' ')})`);
    }
    try {
      document.toJS({ maxAliasCount: MAX_ALIASES, mapAsMap: true });
    } catch (error) {
      const excessive = error instanceof Error && error.message.startsWith('Excessive');
      const what = excessive ? `more than ${MAX_ALIASES} uses of aliases` : 'an alias without its anchor';
      throw this.#invalid(this.#name, what);
    }
    return document;
  }

  #visitSection(section: string, node: unknown): void {
    const content = this.#resolve(node);
    if (isEmpty(content)) {
      return;
    }
    if (!isMap(content)) {
      const subject = section === '' ? 'config.file' : section;
      throw new ConfigError(`${subject} (${this.#at(node)}): got ${kindOf(content)}, takes keys`, subject);
    }
    const seen = new Set<string>();
    for (const { key: keyNode, value } of content.items) {
      if (!isScalar(keyNode)) {
        throw this.#invalid(this.#at(keyNode), 'a key that is not a word');
      }
      const word = sourceOf(keyNode);
      const key = section === '' ? word : `${section}.${word}`;
      if (seen.has(key)) {
        throw new ConfigError(`${quote(key)} (${this.#at(keyNode)}): got the key twice, takes it once`, key);
      }
      seen.add(key);
      const setting = word.includes('.') ? undefined : settingsByKey.get(key);
      if (setting !== undefined) {
        this.#visitSetting(setting, keyNode, value);
      } else if (SECTIONS.has(key)) {
        this.#visitSection(key, value ?? null);
      } else {
        throw new ConfigError(
          `${quote(key)} (${this.#at(keyNode)}): there is no such key${hintFor(key)}`,
          key,
        );
      }
    }
  }

  #visitSetting(setting: NamedSetting, keyNode: unknown, valueNode: unknown): void {
    const value = this.#resolve(valueNode);
    if (isEmpty(value)) {
      return;
    }
    const text = setting.kind.isList && isSeq(value) ? this.#listText(setting, value.items) : undefined;
    if (text === undefined && !isScalar(value)) {
      const message = `${setting.key} (${this.#at(keyNode)}): got ${kindOf(value)}, takes ${setting.kind.takes}`;
      throw new ConfigError(message, setting.key);
    }
    this.#given.push({ setting, text: text ?? sourceOf(value as Scalar), from: this.#at(keyNode) });
  }

  /** The items with their separator between; undefined if one of them is not of the kind that the list takes. */
  #listText({ kind }: NamedSetting, items: readonly unknown[]): string | undefined {
    const texts = items.map((item) => {
      const node = this.#resolve(item);
      if (kind.itemText === undefined) return isScalar(node) ? sourceOf(node) : undefined;
      return isMap(node) ? kind.itemText(this.#fields(node)) : undefined;
    });
    return texts.includes(undefined) ? undefined : texts.join(kind.separator ?? ',');
  }

  /** What a mapping of plain values holds; others are left out, and then missed. */
  #fields(node: YAMLMap): ReadonlyMap<string, string> {
    const fields = new Map<string, string>();
    for (const { key, value } of node.items) {
      const scalar = this.#resolve(value);
      if (!isScalar(key)) continue;
      if (fields.has(sourceOf(key))) throw this.#invalid(this.#at(key), 'a key twice');
      fields.set(sourceOf(key), isScalar(scalar) ? sourceOf(scalar) : '');
    }
    return fields;
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #at(node: unknown): string {
    const start = isNode(node) ? node.range?.[0] : undefined;
    return start === undefined ? this.#name : `${this.#name}, line ${this.#lines.linePos(start).line}`;
  }

  #invalid(place: string, what: string): ConfigError {
    return new ConfigError(`config.file (${place}): got ${what}, takes valid YAML`, 'config.file');
  }
}

/** @throws {ConfigError} */
function readText(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const message = `config.file: got ${quote(path)}, takes a file that can be read (${reasonOf(error)})`;
    throw new ConfigError(message, 'config.file');
  }
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    const message = `config.file: got ${quote(path)}, takes a file of at most 1 MiB`;
    throw new ConfigError(message, 'config.file');
  }
  return text;
}

function hintFor(key: string): string {
  if (settingsByKey.has(key)) {
    const [section, ...rest] = key.split('.');
    return `, did you mean ${rest.join('.')} under ${section}?`;
  }
  const near = closest(key, [...settingsByKey.keys()]);
  return near === undefined ? '' : `, did you mean ${near}?`;
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

/** The scalar as it is written, so that a password `0123` is not read as the number 123. */
function sourceOf(scalar: Scalar): string {
  return scalar.source ?? String(scalar.value);
}

function kindOf(node: unknown): string {
  if (isMap(node)) {
    return 'a mapping';
  }
  return isSeq(node) ? 'a list' : 'a single value';
}
