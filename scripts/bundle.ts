import { build, type Plugin } from 'esbuild';

export interface BundleOptions {
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
 */
export async function bundle({ entryPoints, outdir, plugins = [] }: BundleOptions): Promise<void> {
  await build({
    entryPoints: { ...entryPoints },
    outdir,
    chunkNames: 'src/server/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.12',
    external: ['piscina', 'esbuild'],
    plugins: [...plugins],
    // What CommonJS modules among the dependencies call.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    legalComments: 'linked',
    sourcemap: true,
    logLevel: 'warning',
  });
}
