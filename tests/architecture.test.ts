import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { maskSource, readImports } from './architecture/imports.ts';
import { findCycles, findStalePlaces, findViolations, ROOMS, roomOf } from './architecture/rules.ts';

const ROOT = new URL('..', import.meta.url).pathname;

function readSources(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of ['src', 'views', 'fixtures/demo'])
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      found.set(path.slice(ROOT.length), readFileSync(path, 'utf8'));
    }
  return found;
}

describe('the house', () => {
  const sources = readSources();

  it('imports only along its table', () => {
    expect(sources.size).toBeGreaterThan(50);
    expect(findViolations(sources)).toEqual([]);
  });

  it('grants no place a right it does not use', () => {
    expect(findStalePlaces(sources)).toEqual([]);
  });

  it('has a room for each folder of src', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { name } of folders)
      expect(
        ROOMS.some((room) => room.path.startsWith(`src/${name}`)),
        `src/${name}`,
      ).toBe(true);
  });
});

describe('the reader of imports', () => {
  it('tells values, types and what is loaded when needed apart', () => {
    const source = `#!/usr/bin/env node
import { a, type B, c as d } from './value.ts';
import type { E } from './type.ts';
import type F from "./default-type.ts";
import g, * as h from './both.ts';
import './effect.ts';
import {
  i,
} from './many-lines.ts';
export { j } from './again.ts';
export type { K } from './again-type.ts';
export * from './all.ts';
export * as l from './named.ts';
const m = await import('./later.ts');
type N = typeof import('./type-of.ts').n;
let o: import('./type-in-place.ts').Name;
`;
    expect(readImports(source)).toEqual([
      { specifier: './value.ts', kind: 'value', names: ['a', 'B', 'c'], line: 2 },
      { specifier: './type.ts', kind: 'type', names: ['E'], line: 3 },
      { specifier: './default-type.ts', kind: 'type', names: ['default'], line: 4 },
      { specifier: './both.ts', kind: 'value', names: ['default', '*'], line: 5 },
      { specifier: './effect.ts', kind: 'value', names: [], line: 6 },
      { specifier: './many-lines.ts', kind: 'value', names: ['i'], line: 7 },
      { specifier: './again.ts', kind: 'value', names: ['j'], line: 10 },
      { specifier: './again-type.ts', kind: 'type', names: ['K'], line: 11 },
      { specifier: './all.ts', kind: 'value', names: ['*'], line: 12 },
      { specifier: './named.ts', kind: 'value', names: ['*'], line: 13 },
      { specifier: './later.ts', kind: 'dynamic', names: ['*'], line: 14 },
      { specifier: './type-of.ts', kind: 'type', names: ['*'], line: 15 },
      { specifier: './type-in-place.ts', kind: 'type', names: ['*'], line: 16 },
    ]);
  });

  it('sees no import in comments, strings, templates, regular expressions or the text of elements', () => {
    const source = [
      "// import { a } from './comment.ts';",
      "/* import { a } from './comment.ts';",
      "   import('./comment.ts') */",
      'const a = "import { b } from \'./string.ts\'";',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text that holds a template
      "const b = `import { c } from './template.ts' ${ `import('./inner.ts')` } import('./rest.ts')`;",
      "const c = /import { d } from '.*\\/[/']x'/.test(a);",
      "const d = 4 / 2; const e = 'x' / 1;",
      "const f = <p>don't import</p>;",
      "import { g } from './real.ts';",
    ].join('\n');
    expect(readImports(source).map(({ specifier, line }) => [specifier, line])).toEqual([['./real.ts', 9]]);
  });

  it('sees code inside a template, and goes on after it', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text that holds a template
    const { code } = maskSource('const a = `x ${ { b: Date.now() }.b } Date.now() ${ c }`; setTimeout(d);');
    expect(code.match(/Date\.now/g)).toHaveLength(1);
    expect(code).toContain('setTimeout(d)');
  });
});

describe('the law, on invented sources', () => {
  const violations = (files: Record<string, string>): string[] =>
    findViolations(new Map(Object.entries(files)));
  const imports = (path: string, specifier: string, how = 'import { x } from'): string[] =>
    violations({ [path]: `\n${how} '${specifier}';\n` });

  it.each([
    ['src/lib/a.ts', '../domain/error.ts'],
    ['src/lib/a.ts', 'node:fs'],
    ['src/lib/a.ts', 'zod'],
    ['src/domain/a.ts', '../engine/protocol.ts'],
    ['src/systems/system.ts', 'zod/mini'],
    ['src/systems/orket/a.ts', 'node:path'],
    ['src/systems/orket/a.ts', '../aragora/schema.ts'],
    ['src/systems/orket/a.ts', '../registry.ts'],
    ['src/systems/orket/a.ts', '../../host/clock.ts'],
    ['src/systems/custom/a.ts', 'node:fs'],
    ['src/systems/registry.ts', './orket/derive.ts'],
    ['src/host/a.ts', '../ingest/ingest.ts'],
    ['src/host/a.ts', 'better-sqlite3'],
    ['src/ingest/a.ts', '../db/ledger.ts'],
    ['src/logs/a.ts', 'chokidar'],
    ['src/acts/a.ts', '../db/ledger.ts'],
    ['src/acts/a.ts', '../systems/orket/acts.ts'],
    ['src/engine/protocol.ts', 'node:fs'],
    ['src/engine/protocol.ts', './engine.ts'],
    ['src/engine/a.ts', '../store/desk.ts'],
    ['src/engine/a.ts', '../systems/orket/derive.ts'],
    ['src/config/a.ts', '../engine/engine.ts'],
    ['src/store/a.ts', '../engine/protocol.ts'],
    ['src/store/a.ts', '../commands/move.ts'],
    ['src/store/selectors/a.ts', 'node:util'],
    ['src/commands/a.ts', '../engine/protocol.ts'],
    ['src/headless/a.ts', '../config/load.ts'],
    ['src/headless/a.ts', 'node:fs'],
    ['src/headless/a.ts', 'ink'],
    ['src/app/a.ts', '../headless/status.ts'],
    ['src/app/a.ts', '../../views/main.tsx'],
    ['src/main.ts', './app/failure.ts'],
    ['src/main.ts', 'zod'],
    ['src/cli.ts', './verbs/status.ts'],
    ['src/verbs/a.ts', '../../views/main.tsx'],
    ['src/verbs/a.ts', 'node:fs'],
    ['src/app/a.ts', '../verbs/status.ts'],
    ['views/panes/a.tsx', 'node:fs'],
    ['views/panes/a.tsx', '../../src/engine/protocol.ts'],
    ['views/panes/a.tsx', '../../src/ingest/ingest.ts'],
    ['views/panes/a.tsx', '../../src/app/terminal.ts'],
    ['fixtures/demo/orket/a.ts', '../../../src/lib/json.ts'],
  ])('%s must not import %s', (path, specifier) => {
    expect(imports(path, specifier)).toEqual([
      expect.stringMatching(new RegExp(`^${path}:2 .*(?:must not|is for)`)),
    ]);
  });

  it.each([
    ['src/lib/a.ts', './b.ts', undefined],
    ['src/domain/a.ts', '../lib/json.ts', undefined],
    ['src/systems/system.ts', 'zod', 'import type { x } from'],
    ['src/systems/orket/a.ts', './parse.ts', undefined],
    ['src/systems/orket/a.ts', '../system.ts', undefined],
    ['src/systems/orket/a.ts', 'zod/mini', undefined],
    ['src/systems/registry.ts', './orket/index.ts', undefined],
    ['src/engine/a.ts', './protocol.ts', undefined],
    ['src/store/a.ts', '../engine/protocol.ts', 'import type { x } from'],
    ['src/headless/a.ts', '../config/load.ts', 'import type { x } from'],
    ['src/app/a.ts', '../../views/main.tsx', 'import type { x } from'],
    ['views/panes/a.tsx', 'react', undefined],
    ['fixtures/demo/orket/a.ts', 'node:fs', undefined],
    ['src/ingest/database.ts', 'better-sqlite3', undefined],
    ['src/host/process.ts', 'execa', undefined],
    ['src/ingest/watcher.ts', 'chokidar', undefined],
  ])('%s may import %s', (path, specifier, how) => {
    expect(imports(path, specifier, how)).toEqual([]);
  });

  it('lets the launcher load the rest only when it gets there', () => {
    expect(violations({ 'src/main.ts': "const { main } = await import('./cli.ts');" })).toEqual([]);
    expect(violations({ 'src/main.ts': "import { main } from './cli.ts';" })).toHaveLength(1);
  });

  it("keeps execa, chokidar, SQLite and Ink's Text in their places", () => {
    expect(imports('src/host/a.ts', 'execa')).toEqual([
      'src/host/a.ts:2 imports execa, which is for src/host/process.ts',
    ]);
    expect(imports('src/ingest/pump.ts', 'chokidar')).toHaveLength(1);
    expect(imports('src/ingest/pump.ts', 'better-sqlite3')).toHaveLength(1);
    expect(imports('views/panes/a.tsx', 'ink', 'import { Box, Text as T } from')).toEqual([
      "views/panes/a.tsx:2 imports Ink's Text, which is for views/components/text.tsx",
    ]);
    expect(imports('views/components/text.tsx', 'ink', 'import { Text } from')).toEqual([]);
  });

  it('finds time, timers and exits where they do not belong, and not in comments', () => {
    const source =
      "// Date.now()\nconst a = Date.now();\nnew Date();\nnew Date(a);\nsetTimeout(b, 1);\nclock.setTimeout;\nprocess.exit(1);\nprocess.exitCode = 2;\nprocess.exitCode === 2;\n'Date.now()'";
    expect(violations({ 'src/store/a.ts': source })).toEqual([
      'src/store/a.ts:2 uses the time of day: Date.now',
      'src/store/a.ts:3 uses the time of day: new Date()',
      'src/store/a.ts:5 uses a timer: setTimeout',
      'src/store/a.ts:7 uses the exit code: process.exit(',
      'src/store/a.ts:8 uses the exit code: process.exitCode =',
    ]);
    expect(violations({ 'src/host/clock.ts': 'Date.now(); setTimeout(a);' })).toEqual([]);
  });

  it('finds rings of imports, once each, and none where only types go round', () => {
    const ring = {
      'src/lib/a.ts': "import { b } from './b.ts';",
      'src/lib/b.ts': "import { c } from './c.ts';",
      'src/lib/c.ts': "import { a } from './a.ts';",
      'src/lib/d.ts': "import { a } from './a.ts';",
    };
    expect(findCycles(new Map(Object.entries(ring)))).toEqual([
      'src/lib/a.ts:1 is in a ring of imports: src/lib/a.ts -> src/lib/b.ts -> src/lib/c.ts -> src/lib/a.ts',
    ]);
    expect(violations({ ...ring, 'src/lib/c.ts': "import type { a } from './a.ts';" })).toEqual([]);
    expect(violations({ 'src/lib/a.ts': "import { a } from './a.ts';" })).toHaveLength(1);
  });

  it('finds a file without a room, and an import without its extension', () => {
    expect(violations({ 'src/stray.ts': '' })).toEqual(['src/stray.ts:1 belongs to no room of the house']);
    expect(violations({ 'src/lib/a.ts': "import { b } from './b';" })).toEqual([
      'src/lib/a.ts:1 imports ./b without its extension',
    ]);
    expect(roomOf('src/systems/orket/parse.ts')?.name).toBe('systems/*');
    expect(roomOf('src/systems/stray.ts')).toBeUndefined();
  });

  it('finds a right nobody uses', () => {
    expect(findStalePlaces(new Map([['src/ingest/a.ts', 'export const a = 1;']]))).toEqual([
      'src/ingest is listed for the time of day and does not use it',
      'src/ingest is listed for a timer and does not use it',
    ]);
  });
});
