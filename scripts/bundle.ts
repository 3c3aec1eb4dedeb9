import { build, type Plugin } from 'esbuild';

export interface BundleOptions {
  /** The folder of the project; what follows is relative to it. */
  readonly root: string;
  /**
   * What each file is made of, by its name in `outdir`, without `.js`. All of them lie in folders of `src`, and so what a
   * module finds by its place, as `../NAME/…`, is as far away from each file as from the module.
   */
  readonly entryPoints: Readonly<Record<string, string>>;
  readonly outdir: string;
  readonly plugins?: readonly Plugin[];
}

/**
 * Makes of modules and all that they import, dependencies too, a few files that Node.js runs.
 *
 * Piscina stays outside, as it starts its threads from a file of its own.
 *
 * @returns all files that something was taken from, relative to the root
 */
export async function bundle({ root, entryPoints, outdir, plugins = [] }: BundleOptions): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { ...entryPoints },
    outdir,
    chunkNames: 'src/server/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.12',
    external: ['piscina'],
    plugins: [...plugins],
    // What CommonJS modules among the dependencies call.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    // They do not tell all: see licenses.ts.
    legalComments: 'none',
    sourcemap: true,
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs);
}
