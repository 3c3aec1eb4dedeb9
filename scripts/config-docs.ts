/** Writes what is made from config/schema.ts: examples/pushgw.yml and the table in the README. */
import { readFileSync, writeFileSync } from 'node:fs';
import { exampleFile, withConfigurationTable } from '../config/reference.ts';

const example = new URL('../examples/pushgw.yml', import.meta.url);
const readme = new URL('../README.md', import.meta.url);

writeFileSync(example, exampleFile());
writeFileSync(readme, withConfigurationTable(readFileSync(readme, 'utf8')));
