/** The launcher as it is shipped: bundled, with a command line of the tests' own behind it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = new URL('../..', import.meta.url).pathname;

export interface Launched {
  /** Folder of the installation; `dist/main.js` is the program. */
  readonly root: string;
  readonly program: string;
  /** A state, cache and home directory of its own. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** Bundles `src/main.ts` the way the build does, with `tests/e2e/fixtures/launched-cli.ts` as its command line. */
export async function buildLaunched(options: { readonly withNode: boolean }): Promise<Launched> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-launched-')));
  const out = join(root, 'dist');
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    define: { BINNACLE_VERSION: '"9.8.7"', 'process.env.NODE_ENV': '"production"' },
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  } as const;
  await build({
    ...common,
    entryPoints: { main: 'src/main.ts' },
    outdir: out,
    target: 'node18',
    plugins: [
      {
        name: 'leave-the-entries-apart',
        setup(bundler) {
          bundler.onResolve({ filter: /\/cli\.ts$/ }, () => ({ path: './cli.js', external: true }));
        },
      },
    ],
  });
  await build({
    ...common,
    entryPoints: { cli: 'tests/e2e/fixtures/launched-cli.ts' },
    outdir: out,
    target: 'node22',
    splitting: true,
    external: ['react-devtools-core'],
    minifySyntax: true,
  });
  writeFileSync(join(root, 'package.json'), '{"name":"binnacle","version":"9.8.7","type":"module"}\n');
  if (options.withNode) {
    // Exactly what an installation has: the Node package, and its link among the programs.
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules', '.bin', 'node'));
  }
  const home = join(root, 'home');
  mkdirSync(home, { mode: 0o700 });
  return {
    root,
    program: join(out, 'main.js'),
    env: { HOME: home, BINNACLE_STATE_DIR: join(root, 'state') },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** A Node on this machine that is too old for the program but runs its launcher; undefined when there is none. */
export function findOldNode(): string | undefined {
  const places = [...new Set((process.env['PATH'] ?? '').split(delimiter)), '/usr/bin', '/usr/local/bin'];
  return places
    .map((place) => join(place, 'node'))
    .find((node) => {
      const told = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '';
      const [major = 0, minor = 0] = told.slice(1).split('.').map(Number);
      return major >= 18 && (major < 22 || (major === 22 && minor < 22));
    });
}
