// Bundles src/ and views/ into dist/. Entries are split, so that a verb that needs no screen never loads Ink; React is
// the production build. With --if-stale it does nothing while dist/ is newer than every source.
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
// Built beside and swapped in, so that a program started meanwhile finds the old files or the new ones.
const out = `${dist}.new-${process.pid}`;
// Swapped in it is there no more; after a build that failed nothing of it stays.
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  let latest = 0;
  for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  return latest;
}

const inputs = ['src', 'views', 'fixtures/demo', 'package.json', '.config/build.mjs'].map((name) => join(root, name));
if (process.argv.includes('--if-stale') && existsSync(stamp)) {
  const built = statSync(stamp).mtimeMs;
  if (inputs.every((path) => newest(path) <= built)) process.exit(0);
}

let esbuild;
try {
  esbuild = await import('esbuild');
} catch {
  console.error('esbuild is not installed. Run `npm ci` in this directory first.');
  process.exit(2);
}

const startedAt = Date.now();
const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  outdir: out,
  // A native addon, found through node_modules at run time; chokidar's optional one is not used.
  external: ['better-sqlite3', 'fsevents', 'react-devtools-core'],
  define: { 'process.env.NODE_ENV': '"production"', BINNACLE_VERSION: JSON.stringify(version) },
  jsx: 'automatic',
  logLevel: 'warning',
  legalComments: 'none',
  minifySyntax: true,
  // Less to read and to keep in mind, in each of the threads.
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  // Bundled CommonJS packages ask for `require`; a bundle of ES modules has none of its own.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

// The launcher must run on a Node too old for the rest, so it is a file of its own that nothing else is split into.
await esbuild.build({
  ...common,
  entryPoints: { main: 'src/main.ts' },
  target: 'node18',
  splitting: false,
  external: [...common.external, './cli.js'],
  plugins: [
    {
      name: 'leave-the-entries-apart',
      setup(build) {
        build.onResolve({ filter: /\/cli\.ts$/ }, () => ({ path: './cli.js', external: true }));
      },
    },
  ],
});

// Yoga unpacks its program with `fetch` where there is one, and Node's is 10 ms of loading; without it, it does so itself.
const yogaAlone = {
  name: 'yoga-alone',
  setup(build) {
    build.onLoad({ filter: /yoga-layout.dist.binaries.*\.js$/ }, ({ path }) => ({
      contents: `const fetch = undefined;\n${readFileSync(path, 'utf8')}`,
    }));
  },
};

const entries = {
  cli: 'src/cli.ts',
  engine: 'src/app/engine-thread.ts',
  logs: 'src/app/logs-thread.ts',
  runner: 'src/app/runner.ts',
  demo: 'fixtures/demo/main.ts',
};
await esbuild.build({
  ...common,
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(join(root, path)))),
  target: 'node22',
  splitting: true,
  plugins: [yogaAlone],
  chunkNames: 'chunk-[name]-[hash]',
});

chmodSync(join(out, 'main.js'), 0o755);
writeFileSync(join(out, '.built'), '');
const former = `${dist}.old-${process.pid}`;
if (existsSync(dist)) renameSync(dist, former);
renameSync(out, dist);
rmSync(former, { recursive: true, force: true });
if (!process.argv.includes('--if-stale')) console.log(`built dist/ in ${Date.now() - startedAt} ms`);
