import { existsSync, readFileSync } from 'node:fs';

/** The version in package.json: the nearest above this file, be it the source or what was compiled from it. */
export function packageVersion(): string {
  let file = new URL('package.json', import.meta.url);
  while (!existsSync(file)) {
    const above = new URL('../package.json', file);
    if (above.href === file.href) {
      throw new Error('package.json is missing from the installation');
    }
    file = above;
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
