/** Systems found by their marks in real directories, and the configuration written for them. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FindLimits, findLimits, findSystems } from '../../src/config/find.ts';
import { checkConfig } from '../../src/config/load.ts';
import { starterConfig } from '../../src/config/starter.ts';
import { configuredSystems } from '../../src/config/systems.ts';
import { builtInKinds } from '../../src/systems/registry.ts';

const allKinds = await builtInKinds();

let top: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-find-')));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function put(path: string, text = ''): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
}

function orketAt(dir: string): void {
  for (const mark of ['orket/logging.py', 'main.py']) put(`${dir}/${mark}`);
}

function find(dirs: readonly string[], limits: FindLimits = findLimits) {
  let looks = 0;
  return findSystems(allKinds, dirs, {
    cwd: top,
    env: {},
    // Each look at a directory takes one of these milliseconds.
    monotonic: () => looks++,
    limits,
  });
}

const places = (search: ReturnType<typeof find>): string[] =>
  search.systems.map(({ kind, dir }) => `${kind.kind} ${dir.slice(top.length + 1)}`);

describe('the search', () => {
  it('knows each kind by its marks, at any depth down to four', () => {
    orketAt('a/b/c/orket');
    put('cn/api/scripts/project_manager.py');
    put('cn/api/scripts/monitor_pipeline.py');
    put('ara/.nomic/nomic_loop.log');
    put('sro/config/orchestrator-config.yaml');
    for (const mark of ['control.py', 'worker.py', 'state_store.py', 'submit.py'])
      put(`oao/skill/scripts/${mark}`);
    orketAt('a/b/c/d/too-deep');
    const search = find(['.']);
    expect(places(search)).toEqual([
      'orket a/b/c/orket',
      'aragora ara',
      'coherence cn',
      'openclaw oao/skill',
      'reflexive sro',
    ]);
    expect(search.systems[0]?.because).toBe('orket/logging.py and main.py');
    expect(search).toMatchObject({ unread: [], refused: [] });
    expect(search.cut).toBeUndefined();
  });

  it('follows a link that is given, and none that it finds', () => {
    orketAt('real/orket');
    mkdirSync(join(top, 'given'));
    symlinkSync(join(top, 'real'), join(top, 'given/linked'));
    symlinkSync('..', join(top, 'real/orket/round'));
    expect(places(find(['given']))).toEqual([]);
    expect(places(find(['given/linked']))).toEqual(['orket real/orket']);
  });

  it('tells an installation once: not its copies within it, nor what leads to it', () => {
    orketAt('orket');
    orketAt('orket/workspace/clone');
    put('cn/api/scripts/project_manager.py');
    put('cn/api/scripts/monitor_pipeline.py');
    put('queue/harbour/.orchestrator/queue/jobs/j.json');
    put('queue/harbour/.orchestrator/state/jobs.db');
    for (const mark of ['control.py', 'worker.py', 'state_store.py', 'submit.py'])
      put(`skills/ao/scripts/${mark}`);
    put('skills/ao/.env', `BASE_PATH=${top}/queue\n`);
    // The skill directory says where the queue is, and has the programs beside.
    expect(places(find(['.', 'cn', 'orket/workspace']))).toEqual([
      'coherence cn',
      'orket orket',
      'openclaw skills/ao',
    ]);
  });

  it('passes over what holds a hundred thousand directories and no system', () => {
    orketAt('node_modules/orket');
    orketAt('.git/orket');
    orketAt('.hidden/orket');
    expect(places(find(['.']))).toEqual(['orket .hidden/orket']);
  });

  it('ends at its bounds, says so, and has what it found by then', () => {
    orketAt('a');
    for (let number = 0; number < 30; number += 1) mkdirSync(join(top, `b${number}/c`), { recursive: true });
    orketAt('b9/c/late');
    const few = find(['.'], { ...findLimits, directories: 10 });
    expect(places(few)).toEqual(['orket a']);
    expect(few).toMatchObject({ cut: '10 directories were looked at', looked: 10 });
    const short = find(['.'], { ...findLimits, ms: 20 });
    expect(places(short)).toEqual(['orket a']);
    expect(short.cut).toBe('0.02 s were up');
  });

  it.skipIf(process.getuid?.() === 0)('names what it may not look into', () => {
    mkdirSync(join(top, 'closed'));
    chmodSync(join(top, 'closed'), 0);
    expect(find(['.']).unread).toEqual([join(top, 'closed')]);
  });

  it('refuses a directory that is not there, and one that is a file', () => {
    put('file');
    expect(() => find(['nowhere'])).toThrow(/nowhere does not exist/);
    expect(() => find(['file'])).toThrow(/is a file/);
  });
});

describe('the configuration written for what was found', () => {
  const written = (): string =>
    starterConfig(find(['.']).systems, () => ({ servers: [] }), 'binnacle init .');
  const read = async (text: string) => {
    const config = checkConfig(text, 'binnacle.yaml');
    const { systems } = await configuredSystems([], config, { path: 'binnacle.yaml' }, '/', {});
    return systems.map(({ located }) => [located.system, located.root.slice(top.length + 1)]);
  };

  it('is right as it stands, with names for two of a kind', async () => {
    orketAt('eu/orket');
    orketAt('us/orket');
    orketAt('coherence');
    put('sro/config/orchestrator-config.yaml');
    expect(await read(written())).toEqual([
      ['orket-1', 'coherence'],
      ['orket', 'eu/orket'],
      ['reflexive', 'sro'],
      ['orket-2', 'us/orket'],
    ]);
  });

  it.each([
    'with blank',
    'a: b',
    '#x',
    'é ü',
    'it\'s "quoted"',
    'new\nline',
    '\u202eright',
    '- x',
    '\u001b[2J',
  ])('takes a directory called %j for what it is, and shows none of its signs raw', async (name) => {
    orketAt(name);
    const text = written();
    expect(await read(text)).toEqual([['orket', name]]);
    expect(text).not.toMatch(/[\u001b\u202e]/);
  });

  it('explains every setting once for each kind, and says whose a directory is and what of it listens', () => {
    orketAt('a');
    orketAt('b');
    const beside = { owner: 'svc', servers: [{ port: 8082, pid: 2100 }] };
    const text = starterConfig(find(['.']).systems, () => beside, 'binnacle init .');
    expect(text.match(/# {3}stalled-after /g)).toHaveLength(1);
    expect(text).toContain('# it belongs to svc: acts run as that user');
    const taken = text.replaceAll('# url: http', 'url: http');
    expect(
      checkConfig(taken, 'binnacle.yaml').systems?.map((entry) => (entry as { url?: unknown }).url),
    ).toEqual(['http://127.0.0.1:8082', 'http://127.0.0.1:8082']);
  });
});
