import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { SECTIONS } from './sections.ts';

test('docs/compatibility.md lists the differences that the table has, and no other', async () => {
  const page = await readFile(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, id]) => id);
  const used = SECTIONS.flatMap(({ cases }) => cases).flatMap(({ ours }) => (ours ? [ours.why] : []));
  assert.deepEqual([...new Set(listed)].sort(), [...listed].sort(), 'none twice');
  assert.deepEqual([...listed].sort(), [...new Set(used)].sort());
});

test('no two cases of a section have one name', () => {
  for (const { title, cases } of SECTIONS) {
    const names = cases.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names, title);
  }
});
