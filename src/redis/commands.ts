import { readFileSync } from 'node:fs';
import type { CallKeys } from './call-keys.ts';

/** What the scripts that store blocks have in common. */
const STORING = [
  'shared/preamble',
  'shared/family',
  'shared/shelves',
  'shared/keep-family',
  'shared/order',
  'shared/growth',
  'shared/overwrite',
  'shared/clashes',
  'shared/drafts',
] as const;

/** The scripts, each as its files in commands/, one after the other. What it takes and gives stands at the head of the last. */
export const SCRIPTS = {
  commit: [...STORING, 'commit'],
  keepDrafts: ['keep-drafts'],
  openSequences: ['open-sequences'],
  listBlocks: ['shared/family', 'shared/shelves', 'list-blocks'],
  readFields: ['shared/family', 'shared/shelves', 'read-fields'],
  beginCompaction: ['shared/family', 'shared/growth', 'begin-compaction'],
  compact: ['shared/family', 'shared/shelves', 'compact'],
  endCompaction: ['shared/family', 'shared/shelves', 'end-compaction'],
  beginPush: ['shared/preamble', 'shared/group-record', 'begin-push'],
  pushFamilies: [...STORING, 'shared/group-blocks', 'shared/group-record', 'push-families'],
  dropFamilies: [
    'shared/preamble',
    'shared/family',
    'shared/shelves',
    'shared/group-blocks',
    'drop-families',
  ],
  prolongFamilies: [
    'shared/preamble',
    'shared/family',
    'shared/shelves',
    'shared/keep-family',
    'shared/group-blocks',
    'prolong-families',
  ],
  releaseFamilies: ['release-families'],
  noteFamilies: ['shared/preamble', 'note-families'],
  endPush: ['shared/preamble', 'shared/group-record', 'end-push'],
  readGroups: ['read-groups'],
  wipeFamilies: ['shared/family', 'shared/shelves', 'wipe-families'],
} as const;

export type ScriptName = keyof typeof SCRIPTS;

/**
 * Without comments: two fifths of the text, which a slow line would have to carry for each connection. The files are found
 * from any folder of `src`, as what is built has this module in another one (scripts/bundle.ts).
 */
export function loadScript(name: ScriptName): string {
  return SCRIPTS[name]
    .map((file) => readFileSync(new URL(`../redis/commands/${file}.lua`, import.meta.url), 'utf8'))
    .join('\n')
    .replaceAll(/--\[\[[\s\S]*?\]\]/g, '')
    .replaceAll(/^ *--.*\n/gm, '');
}

/**
 * Scripts whose first argument is the time of the server after which they must do nothing; the connection puts it there.
 * They answer `{'late', time}`, or else something that begins with the time.
 */
export const TIMED: ReadonlySet<ScriptName> = new Set([
  'commit',
  'beginPush',
  'pushFamilies',
  'dropFamilies',
  'prolongFamilies',
]);

/** Scripts whose work counts as done only when as many replicas have it as the configuration asks for. */
export const DURABLE: ReadonlySet<ScriptName> = new Set([
  'commit',
  'pushFamilies',
  'dropFamilies',
  'prolongFamilies',
  'endPush',
]);

/** One run of a script. All keys lie in one slot. */
export interface Call {
  readonly script: ScriptName;
  readonly keys: readonly string[] | CallKeys;
  /** Without the time of a script that is timed. */
  readonly args: ReadonlyArray<string | number | Buffer>;
  /** Values that come apart from the script, in one transaction with it; see commands/shared/drafts.lua. */
  readonly apart?: Apart;
}

export interface Apart {
  readonly drafts: readonly Draft[];
  /** The call with the values as arguments, for where transactions cannot be carried out: a slot that moves. */
  whole(): Call;
}

/** What HSET writes for a family. */
export interface Draft {
  readonly draft: string;
  readonly hash: string;
  /** Fields and values by turns. */
  readonly fields: readonly Buffer[];
}

/** What Redis answers: bulk strings come as bytes. */
export type Reply = Buffer | number | null | Reply[];
