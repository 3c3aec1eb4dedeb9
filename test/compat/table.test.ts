import { after, before, describe, test } from 'node:test';
import { runCase } from './run-case.ts';
import { SECTIONS } from './sections.ts';
import { IS_OFFICIAL, Target } from './target.ts';

// What section A of the specification says, line by line; `make compat-official` runs it against the official gateway.
for (const section of SECTIONS) {
  describe(section.title, () => {
    let target: Target;
    before(async () => {
      target = await Target.start(section);
    });
    after(() => target[Symbol.asyncDispose]());
    for (const row of section.cases) {
      const skip = IS_OFFICIAL && row.skipOfficial;
      test(row.name, { skip: skip || false }, async () => {
        if (!section.keeps) await target.wipe();
        await runCase(target, row, section.prefix);
      });
    }
  });
}
