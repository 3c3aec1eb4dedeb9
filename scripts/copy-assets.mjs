// The second half of the build: what the compiler leaves out. Lua scripts and other files that are read at run time
// go beside the compiled modules, and the entry file becomes executable. The folder may be given; it is dist by default.
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(root, process.argv[2] ?? 'dist');

for (const tree of ['config', 'src']) {
  for (const name of await readdir(join(root, tree), { recursive: true, withFileTypes: true })) {
    if (!name.isFile() || extname(name.name) === '.ts') continue;
    const source = join(name.path, name.name);
    const target = join(output, source.slice(root.length));
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
  }
}

await chmod(join(output, 'src/server/main.js'), 0o755);
