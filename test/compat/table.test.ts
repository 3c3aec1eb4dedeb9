import { after, describe, test } from 'node:test';
import { runCase } from './run-case.ts';
import { SECTIONS } from './sections.ts';
import { IS_OFFICIAL, Target, type TargetOptions } from './target.ts';

// What section A of the specification says, line by line; `make compat-official` runs it against the official gateway.

/** One for all sections with the same flags. */
const targets = new Map<string, Promise<Target>>();

after(async () => {
  for (const target of await Promise.all(targets.values())) await target[Symbol.asyncDispose]();
});

function targetOf({ officialArgs, oursArgs, prefix = '' }: TargetOptions): Promise<Target> {
  const key = JSON.stringify([IS_OFFICIAL ? officialArgs : oursArgs, prefix]);
  const target = targets.get(key) ?? Target.start({ officialArgs, oursArgs, prefix });
  targets.set(key, target);
  return target;
}

for (const section of SECTIONS) {
  describe(section.title, () => {
    for (const row of section.cases) {
      const skip = IS_OFFICIAL && row.skipOfficial;
      test(row.name, { skip: skip || false }, async () => {
        const target = await targetOf(section);
        if (!section.keeps) await target.wipe();
        await runCase(target, row, section.prefix);
      });
    }
  });
}
