import { readFileSync } from 'node:fs';

/** The scripts, by the name of their file in commands/. What each takes and gives stands at its head. */
export const SCRIPTS = {
  commit: 'commit',
  openSequences: 'open-sequences',
  readFamilies: 'read-families',
  listBlocks: 'list-blocks',
  beginCompaction: 'begin-compaction',
  readHeaders: 'read-headers',
  compact: 'compact',
  endCompaction: 'end-compaction',
} as const;

export type ScriptName = keyof typeof SCRIPTS;

export function loadScript(name: ScriptName): string {
  return readFileSync(new URL(`./commands/${SCRIPTS[name]}.lua`, import.meta.url), 'utf8');
}

/** One run of a script. All keys lie in one slot. */
export interface Call {
  readonly script: ScriptName;
  readonly keys: readonly string[];
  readonly args: ReadonlyArray<string | number | Buffer>;
}

/** What Redis answers: bulk strings come as bytes. */
export type Reply = Buffer | number | null | Reply[];
