/** What is wrong with a system, its files, its server or our own place is said with where and what next; the rest works on. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { layOutCase } from '../systems/fixture-case.ts';
import { layOutBoard } from './board-system.ts';
import { jsonLines, temporaryDirectory } from './cockpit.ts';
import { runVerb, type VerbOptions } from './verb.ts';

const AT = ['--at', '2026-02-20T04:30:00Z'];
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function orketAt(): Promise<{ dir: string; args: string[]; database: string; log: string }> {
  const { dir, remove } = await layOutCase('orket', 'stalled-turn');
  undo.push(remove);
  return {
    dir,
    args: ['-s', `orket=${dir},timezone=UTC`, ...AT],
    database: join(dir, '.orket/durable/db/orket_persistence.db'),
    log: join(dir, 'workspace/default/orket.log'),
  };
}

function directory(name: string): string {
  const made = temporaryDirectory(name);
  undo.push(made.remove);
  return made.path;
}

interface Told {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
  readonly badRecords: number;
  readonly items: number;
}

/** The sources as `list sources --json` tells them, by id, and the exit code of `status`. */
async function look(
  args: readonly string[],
  options: VerbOptions = {},
): Promise<{ sources: Map<string, Told>; code: number | null; text: string; stderr: string }> {
  const [list, status] = await Promise.all([
    runVerb(['list', 'sources', '--json', ...args], options),
    runVerb(['status', ...args], options),
  ]);
  const sources = JSON.parse(list.stdout) as Told[];
  return {
    sources: new Map(sources.map((source) => [source.id, source])),
    code: status.code,
    text: status.stdout,
    stderr: status.stderr,
  };
}

describe.concurrent('a root', () => {
  it.each([
    [
      'that is missing',
      (dir: string) => join(dir, 'nowhere'),
      /nowhere does not exist\n {2}name the directory/,
    ],
    [
      'that is a file',
      (dir: string) => join(dir, 'orket.log'),
      /orket\.log is a file, not a directory\n {2}name/,
    ],
    [
      'that holds no such system',
      (dir: string) => join(dir, 'workspace'),
      /is no Orket checkout.*\n {2}name/,
    ],
  ])('%s ends with 2 where it is the only one', async (_what, pathIn, message) => {
    const { dir } = await orketAt();
    const { code, stdout, stderr } = await runVerb(['status', '-s', `orket=${pathIn(dir)}`]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('that is missing beside another keeps nobody from looking at that, and status ends with 2', async () => {
    const { args } = await orketAt();
    const both = [...args, '-s', 'coherence=/nowhere/cn'];
    const { code, stdout, stderr } = await runVerb(['status', ...both]);
    expect(stderr).toMatch(/^binnacle: -s coherence=\/nowhere\/cn: \/nowhere\/cn does not exist\n {2}name/);
    expect(stdout).toMatch(
      /STALLED +orket .*\n(.*\n)*UNREAD +coherence .* source root: \/nowhere\/cn does not exist/,
    );
    expect(stdout).toMatch(/^coherence +coherence +error +0\/1/m);
    expect(code).toBe(2);
    expect(await runVerb(['list', 'turns', ...both])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('stalled'),
      stderr,
    });
  });

  it.runIf(isRoot)('that this user may not enter is said as that', async () => {
    const { dir } = await orketAt();
    chmodSync(dir, 0o700);
    const { code, stderr } = await runVerb(['status', '-s', `orket=${dir}`], { uid: NOBODY });
    expect(stderr).toMatch(/^binnacle: -s orket=\S+: EACCES: permission denied/);
    expect(code).toBe(2);
  });
});

describe.concurrent('files', () => {
  it.runIf(isRoot)('an unreadable log is an error with what to do, and everything else is read', async () => {
    const { dir, args, log } = await orketAt();
    chmodSync(dir, 0o755);
    chmodSync(log, 0);
    const { sources, code, text } = await look(args, { uid: NOBODY });
    expect(sources.get('orket.log')).toMatchObject({
      state: 'error',
      error: 'workspace/default/orket.log: not readable by this user: run as its owner or join its group',
    });
    expect(sources.get('turns')).toMatchObject({ state: 'fresh', items: 4 });
    expect(sources.get('db')).toMatchObject({ state: 'fresh' });
    expect(text).toMatch(/UNREAD/);
    expect(code).toBe(3);
  });

  it('a line of 10 MB in a log is cut and counted, and the lines around it are read', async () => {
    const { args, log } = await orketAt();
    appendFileSync(log, `{"x":"${'y'.repeat(10_000_000)}"}\n`);
    appendFileSync(
      log,
      '{"timestamp": "2026-02-20T04:29:40.000000Z", "role": "x", "event": "after_the_long_one", "level": "info", "data": {}}\n',
    );
    const { sources, code } = await look(args);
    expect(sources.get('orket.log')?.badRecords).toBeGreaterThanOrEqual(1);
    expect(sources.get('orket.log')?.state).toBe('fresh');
    const { stdout } = await runVerb(['logs', '-n', '20', '--json', ...args]);
    expect(stdout).toContain('after_the_long_one');
    expect(stdout).toContain('TIDE-4');
    expect(Buffer.byteLength(stdout)).toBeLessThan(1_000_000);
    expect(code).toBe(1);
  });

  it('rows 37, 38, 39 and 50: whatever stands in a log is told and counted, and the next line is whole', async () => {
    const board = layOutBoard();
    undo.push(board.remove);
    board.write({});
    const next = (number: number): string => `${JSON.stringify({ lvl: 'info', msg: `next ${number}` })}\n`;
    const bad: readonly Buffer[] = [
      Buffer.alloc(10_000_000),
      Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x0a]),
      Buffer.from('{"msg": "with a carriage return"}\r\n'),
      Buffer.from('\ufeff{"msg": "with a mark before it"}\n'),
      Buffer.from('{"msg": "next in UTF-16"}\n', 'utf16le'),
      Buffer.from(`\n${'x'.repeat(10_000_000)}\n`),
      Buffer.from(`{"a":${'['.repeat(100_000)}\n`),
      Buffer.from('{"__proto__": {"msg": "not mine"}, "constructor": 1, "msg": "names of prototypes"}\n'),
      Buffer.from('{"msg": 1e999, "lvl": {"a": []}, "ts": -1e999}\n'),
      Buffer.from('{"msg": "half of'),
    ];
    const log = join(board.root, 'app.log');
    for (const [number, bytes] of bad.entries())
      appendFileSync(log, Buffer.concat([bytes, Buffer.from(`\n${next(number)}`)]));
    const [told, listed] = await Promise.all([
      runVerb(['logs', '-n', '100', '--json', ...board.args]),
      runVerb(['list', 'sources', '--json', ...board.args]),
    ]);
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.byteLength(told.stdout)).toBeLessThan(2_000_000);
    const texts = jsonLines<{ text: string }>(told.stdout).map(({ text }) => text);
    for (const number of bad.keys()) expect(texts).toContain(`next ${number}`);
    for (const text of ['with a carriage return', 'with a mark before it', 'names of prototypes'])
      expect(texts).toContain(text);
    expect(texts).not.toContain('not mine');
    const app = (JSON.parse(listed.stdout) as Told[]).find(({ id }) => id === 'app');
    expect(app?.state).toBe('fresh');
    expect(app?.badRecords).toBeGreaterThanOrEqual(5);
  });

  it.each([
    ['torn', '{"jobs": [{"id": "j-1", "na', /not JSON/],
    ['deep', `${'['.repeat(100_000)}`, /nested deeper than 200 levels/],
    ['of 10 MB', `{"jobs": ["${'z'.repeat(10_000_000)}"]}`, /(larger|longer|too large|MiB|MB|bytes)/],
    ['empty', '', /not JSON: empty/],
  ])('row 50: a JSON document that is %s is an unread source that says so', async (_what, text, message) => {
    const { dir, args } = await queue();
    writeFileSync(join(dir, 'state/queue.json'), text);
    const { sources, code, text: printed } = await look(args);
    expect(sources.get('queue')).toMatchObject({ state: 'error', error: expect.stringMatching(message) });
    expect(sources.get('queue')?.error).toContain('state/queue.json');
    expect(sources.get('app')).toMatchObject({ state: 'fresh' });
    expect(printed).toMatch(/^nightly: queue error: state\/queue\.json/m);
    expect(code).toBe(3);
  });

  it.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), /skipped: a FIFO, not a file/],
    ['a directory', (path: string) => mkdirSync(path), /skipped: a directory, not a file/],
    ['a link to itself', (path: string) => symlinkSync(path, path), /symbolic links in a circle/],
  ])('%s in the place of a log is named, to readers of logs and lists too', async (_what, lay, message) => {
    const { args, log } = await orketAt();
    rmSync(log);
    lay(log);
    const { sources, code } = await look(args);
    expect(sources.get('orket.log')).toMatchObject({ state: 'error', error: expect.stringMatching(message) });
    expect(code).toBe(3);
    for (const words of [['logs'], ['list', 'turns', '--json']]) {
      const told = await runVerb([...words, ...args]);
      expect(told.stdout).toContain('TIDE-3');
      expect(told.stderr).toMatch(
        /^binnacle: not all is here: orket orket\.log: workspace\/default\/orket\.log: /,
      );
      expect(told.code).toBe(3);
    }
  });

  it('row 50: names of prototypes in a document are names like others', async () => {
    const { dir, args } = await queue();
    writeFileSync(
      join(dir, 'state/queue.json'),
      '{"__proto__": {"jobs": 1}, "jobs": [{"id": "__proto__", "name": "constructor", "state": "toString"},' +
        '{"id": "j-9", "__proto__": {"state": "RUN"}, "name": "plain", "state": "ERR", "error": "x"}]}',
    );
    const { stdout, code } = await runVerb(['list', 'jobs', '--json', ...args]);
    const jobs = JSON.parse(stdout) as { id: string; status: string; title: string }[];
    expect(jobs.map(({ id, status, title }) => ({ id, status, title }))).toEqual(
      expect.arrayContaining([
        { id: '__proto__', status: 'unknown', title: 'constructor' },
        { id: 'j-9', status: 'failed', title: 'plain' },
      ]),
    );
    expect(code).toBe(0);
  });

  async function queue(): Promise<{ dir: string; args: string[] }> {
    const { layOutQueue } = await import('./queue-system.ts');
    const laid = await layOutQueue('honest');
    undo.push(laid.remove);
    return { dir: laid.root, args: [...laid.args] };
  }
});

describe.concurrent('a database', () => {
  it.each([
    [
      'of no length',
      (path: string) => writeFileSync(path, ''),
      /empty: its owner has not created a table yet/,
    ],
    ['that is none', (path: string) => writeFileSync(path, 'x'.repeat(9_000)), /not a SQLite database/],
  ])('%s is an error; the rest is read', async (_what, spoil, message) => {
    const { args, database } = await orketAt();
    spoil(database);
    const { sources, code, text } = await look(args);
    expect(sources.get('db')).toMatchObject({ state: 'error', error: expect.stringMatching(message) });
    expect(text).toMatch(/^orket: db error: \.orket\/durable\/db\/orket_persistence\.db/m);
    expect(sources.get('turns')).toMatchObject({ state: 'fresh', items: 4 });
    expect(code).toBe(3);
  });

  it('of another shape is read as far as it goes, and what it lacks is named', async () => {
    const { args, database } = await orketAt();
    rmSync(database);
    const other = new Database(database);
    other.exec("CREATE TABLE issues (id TEXT); INSERT INTO issues VALUES ('x')");
    other.close();
    const { sources, text } = await look(args);
    expect(sources.get('db')).toMatchObject({
      state: 'fresh',
      error: expect.stringMatching(/older or newer shape.*no such column: build_id/),
    });
    expect(text).toMatch(/^orket: db read: .*no such column/m);
  });

  it('that its owner has locked is read without waiting, and nothing is left beside it', async () => {
    const { args, database } = await orketAt();
    const owner = new Database(database);
    owner.exec('BEGIN EXCLUSIVE');
    undo.push(() => owner.close());
    const before = readdirSync(join(database, '..'));
    const { sources, code } = await look(args);
    expect(sources.get('db')).toMatchObject({ state: 'fresh' });
    expect(code).toBe(1);
    owner.exec('COMMIT');
    expect(readdirSync(join(database, '..'))).toEqual(before);
  });
});

describe.concurrent('a server', () => {
  const closers: Record<string, () => Server | HttpServer> = {
    'accepts and never answers': () => createServer((socket) => void socket.on('error', () => {})),
    'speaks no HTTP': () =>
      createServer((socket) => {
        socket.on('error', () => {});
        socket.end('\u0000\u001b[2J no server\r\n\r\n');
      }),
    'answers 500': () =>
      createHttpServer((_request, response) => {
        response.statusCode = 500;
        response.end('boom');
      }),
    'answers half a JSON': () =>
      createHttpServer((_request, response) => {
        response.setHeader('content-type', 'application/json');
        response.end('{"status": "ok", "x": [');
      }),
    'never ends its answer': () =>
      createHttpServer((_request, response) => {
        response.on('error', () => {});
        const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
        response.on('close', () => clearInterval(more));
      }),
  };

  it.each([
    ['accepts and never answers', 'stale', /no answer in 2 s/],
    ['speaks no HTTP', 'stale', /what answers there speaks no HTTP/],
    ['answers 500', 'error', /answered 500/],
    ['answers half a JSON', 'error', /JSON/],
    ['never ends its answer', '(stale|error)', /(no answer in 2 s|answer longer than \d+ bytes)/],
  ])(
    'that %s costs at most its own limit, is told with its reason, and the files are read',
    async (how, state, why) => {
      const server = (closers[how] as () => Server)();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      undo.push(() => {
        (server as Partial<HttpServer>).closeAllConnections?.();
        server.close();
      });
      const { dir, remove } = await layOutCase('coherence', 'quiet-night');
      undo.push(remove);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const started = performance.now();
      const { stdout, code } = await runVerb([
        ...['list', 'sources', '--json', '-s', `coherence=${dir},url=${url},timezone=UTC`],
      ]);
      expect(performance.now() - started).toBeLessThan(15_000);
      const sources = JSON.parse(stdout) as (Told & { type: string })[];
      const told = sources.find(({ id }) => id === 'api.attention');
      expect(told?.state).toMatch(new RegExp(`^${state}$`));
      expect(told?.error).toMatch(why);
      expect(
        sources.filter((one) => one.type === 'document' && one.state === 'fresh').length,
      ).toBeGreaterThan(3);
      expect(code).toBe(0);
    },
  );

  it('that is dead is told as that, by its address', async () => {
    const { dir, remove } = await layOutCase('coherence', 'quiet-night');
    undo.push(remove);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { sources } = await look(['-s', `coherence=${dir},url=http://127.0.0.1:${port}`]);
    expect(sources.get('api.health')).toMatchObject({
      state: 'stale',
      error: 'connection refused: nothing listens there (1 in a row)',
    });
  });
});

describe.concurrent('how a system is named', () => {
  it.each<[string, RegExp]>([
    ['nope=DIR', /-s nope=\S+: there is no kind "nope"\n {2}kinds: orket, reflexive/],
    [
      'orket=DIR,colour=red',
      /-s orket=\S+: "colour" is no setting of orket\n {2}settings of every kind: name, url/,
    ],
    [
      'aragora=DIR,serve=nomic',
      /"serve" is no setting of aragora\n.*\n {2}settings of aragora: stream, nomic, server/,
    ],
    ['aragora=DIR,max-cost=much', /"max-cost" wants a number such as 3600\n/],
    ['coherence=DIR,decision-timeout=late', /"decision-timeout" wants a number such as 90\n/],
    ['reflexive=DIR,confg=x', /"confg" is no setting of reflexive\n/],
    ['orket=DIR,timezone=Mars/Olympus', /timezone "Mars\/Olympus" is unknown\n {2}use a name such as Europe/],
    ['orket=DIR,url=localhost:80', /url "localhost:80" is not an http or https address\n {2}write it/],
    ['orket=DIR,name=../x', /"\.\.\/x" can't be a system's name\n {2}use letters/],
    ['orket=DIR,read-only=maybe', /read-only "maybe" is neither true nor false\n {2}write/],
    ['orket=DIR,__proto__=x', /"__proto__" can't be a setting\n/],
    ['orket', /KIND=DIR is wanted, for example -s orket=/],
    ['orket=', /the directory is missing\n/],
    ['orket=DIR,url', /"url" is not key=value\n/],
  ])('-s %s ends with 2 and says what is wrong', async (text, message) => {
    const { dir } = await orketAt();
    const { code, stdout, stderr } = await runVerb(['status', '-s', text.replace('DIR', dir)]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('two systems may not share a name that was given, and kinds named twice are numbered', async () => {
    const { dir } = await orketAt();
    const named = (name: string): string[] => ['-s', `orket=${dir},name=${name}`];
    expect(await runVerb(['status', ...named('a'), ...named('a')])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the name "a" is taken by -s orket=\S+\n {2}give each/),
    });
    const { stdout } = await runVerb([
      'list',
      'systems',
      '-s',
      `orket=${dir}`,
      ...named('orket'),
      '-s',
      `orket=${dir}`,
    ]);
    expect(stdout.match(/^orket\S*/gm)).toEqual(['orket-2', 'orket', 'orket-3']);
  });
});

describe.concurrent('binnacle.yaml with a mistake', () => {
  it.each<[string, RegExp]>([
    [
      'systems:\n  - kind: orket\n    root: ROOT\n    timezone: Nowhere/X\n',
      /:4: systems\.0\.timezone: timezone "Nowhere/,
    ],
    [
      'systems:\n  - kind: orket\n    root: ROOT\n    colour: red\n',
      /:4: systems\.0\.colour: "colour" is no setting/,
    ],
    ['systems:\n  - kind: okret\n    root: ROOT\n', /:2: systems\.0\.kind: there is no kind "okret"/],
    ['systems:\n  - kind: orket\n    root: /nowhere\n', /:3: systems\.0\.root: \/nowhere does not exist/],
    [
      'systems:\n  - kind: orket\n    root: ROOT\nacts:\n  deny: [turn.rplay]\n',
      /:5: acts\.deny: there is no act "turn\.rplay"/,
    ],
    ['read-only: perhaps\n', /:1: read-only: /],
    ['them: mono\n', /:1: them: is no key of this configuration/],
    ['systems: [\n', /:\d+:\d+: /],
    [
      'kinds:\n  plain:\n    title: Plain\n    sources: {}\n    entities:\n      - type: job\n        from: q\n        id: id\n        title: t\n        status: { field: s }\n',
      /:7: kinds\.plain\.entities\.0\.from: there is no source "q"/,
    ],
    ['kinds:\n  plain:\n    title: Plain\n    colour: red\n', /:\d: kinds\.plain(\.\w+)?: /],
    ['kinds:\n  orket: {}\n', /:2: kinds\.orket: there is a built-in kind/],
  ])('%j: file, line and key, for every verb, and exit 2', async (text, message) => {
    const { dir } = await orketAt();
    const path = join(directory('bad-config'), 'binnacle.yaml');
    writeFileSync(path, text.replaceAll('ROOT', dir));
    const [check, status] = await Promise.all([
      runVerb(['config', 'check', '-C', path]),
      runVerb(['status', '-C', path]),
    ]);
    expect(check.stderr.startsWith(`binnacle: ${path}`), check.stderr).toBe(true);
    expect(check.stderr.slice(`binnacle: ${path}`.length)).toMatch(message);
    expect(check.stderr.trimEnd().split('\n').length, check.stderr).toBeGreaterThan(1);
    expect({ code: check.code, stdout: check.stdout }).toEqual({ code: 2, stdout: '' });
    expect(status).toMatchObject({ code: 2, stderr: check.stderr });
  });

  it('keys that clash or do not exist are found by config check', async () => {
    const { dir } = await orketAt();
    const path = join(directory('bad-config'), 'binnacle.yaml');
    const system = `systems: [{ kind: orket, root: ${dir} }]\n`;
    writeFileSync(path, `${system}keys:\n  log.folow: f\n`);
    expect(await runVerb(['config', 'check', '-C', path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${path}:3: keys.log.folow: keys: there is no command "log.folow"`),
    });
    writeFileSync(path, `${system}keys:\n  act.restart: y\n`);
    expect(await runVerb(['config', 'check', '-C', path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('y only ever means yes'),
    });
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path), /is a directory\n {2}name the file itself/],
    ['a pipe nobody writes to', (path: string) => execFileSync('mkfifo', [path]), /is no file\n/],
    [
      'bytes that are no text',
      (path: string) => writeFileSync(path, Buffer.of(0xff, 0xfe, 0)),
      /:1: the document: /,
    ],
    [
      'a list',
      (path: string) => writeFileSync(path, '- kind: orket\n'),
      /:1: the document: a mapping of keys/,
    ],
    [
      'a system without a root',
      (path: string) => writeFileSync(path, 'systems:\n  - kind: orket\n'),
      /:2: systems\.0\.root: is missing/,
    ],
  ])('%s in its place is said to be that', async (_what, lay, message) => {
    const path = join(directory('bad-config'), 'binnacle.yaml');
    lay(path);
    chmodSync(path, 0o755);
    const { code, stdout, stderr } = await runVerb(['status', '-C', path]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('may name roots below the home directory with ~, as -s may', async () => {
    const { dir } = await orketAt();
    const path = join(directory('home-config'), 'binnacle.yaml');
    writeFileSync(path, `systems:\n  - kind: orket\n    root: ~/${basename(dir)}\n`);
    const env = { HOME: dirname(dir) };
    const expected = { code: 0, stdout: expect.stringContaining(dir) };
    expect(await runVerb(['list', 'systems', '-C', path], { env })).toMatchObject(expected);
    expect(await runVerb(['list', 'systems', '-s', `orket=~/${basename(dir)}`], { env })).toMatchObject(
      expected,
    );
  });

  it('means roots relative to its own directory, wherever it is used', async () => {
    const { dir } = await orketAt();
    const path = join(dirname(dir), `beside-${basename(dir)}.yaml`);
    undo.push(() => rmSync(path));
    writeFileSync(path, `systems:\n  - kind: orket\n    root: ./${basename(dir)}\n`);
    expect(await runVerb(['list', 'systems', '-C', path])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(dir),
    });
  });

  it('is not used when everyone could have written it', async () => {
    const path = join(directory('bad-config'), 'binnacle.yaml');
    writeFileSync(path, 'read-only: true\n');
    chmodSync(path, 0o666);
    expect(await runVerb(['status', '-C', path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`chmod o-w ${path}`),
    });
  });
});

describe.concurrent('our own place', () => {
  it.runIf(isRoot)('looking needs no home and no state; acting says what is missing', async () => {
    const { dir, args } = await orketAt();
    chmodSync(dir, 0o755);
    chownSync(dir, NOBODY, NOBODY);
    const options = { uid: NOBODY, env: { HOME: undefined, BINNACLE_STATE_DIR: '/proc/no-such-place' } };
    expect(await runVerb(['status', '--tmux', ...args], options)).toEqual({
      code: 1,
      signal: null,
      stdout: 'x0 !0 ~1 >4\n',
      stderr: '',
    });
    expect(await runVerb(['logs', '-n', '1', ...args], options)).toMatchObject({ code: 0, stderr: '' });
    const act = await runVerb(['act', 'turn.replay', '9c41e7b0:tide-2:2:coder', '--yes', ...args], options);
    expect(act.stderr).toMatch(
      /the state directory \/proc\/no-such-place can't be used: .*\n {2}name another with BINNACLE/,
    );
    expect(act.code).toBe(2);
  });

  it('a state directory that is a file is said to be one', async () => {
    const { args } = await orketAt();
    const file = join(directory('state'), 'file');
    writeFileSync(file, '');
    const env = { BINNACLE_STATE_DIR: file };
    expect(await runVerb(['status', '--tmux', ...args], { env })).toMatchObject({ code: 1, stderr: '' });
    const act = await runVerb(['act', 'turn.replay', '9c41e7b0:tide-2:2:coder', '--yes', ...args], { env });
    expect(act).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/can't be used: it, or what leads to it, is a file/),
    });
  });

  it.runIf(isRoot)(
    'records that can only be read are read: the ledger whole, and what was set aside',
    async () => {
      const { args, dir } = await orketAt();
      chmodSync(dir, 0o755);
      const made = directory('state');
      const env = { BINNACLE_STATE_DIR: made };
      await runVerb(['act', 'turn.replay', '9c41e7b0:tide-2:2:coder', '--yes', ...args], { env });
      const seen = (await runVerb(['ledger', '--json'], { env })).stdout;
      expect(seen).toContain('"finished"');
      const copy = join(directory('state-copy'), 'state');
      mkdirSync(copy);
      for (const name of readdirSync(made))
        if (/\.db|\.head/.test(name)) copyFileSync(join(made, name), join(copy, name));
      chmodSync(join(copy, '..'), 0o755);
      for (const name of readdirSync(copy)) chmodSync(join(copy, name), 0o444);
      chmodSync(copy, 0o555);
      const reader = { uid: NOBODY, env: { BINNACLE_STATE_DIR: copy } };
      const before = readdirSync(copy);
      expect(await runVerb(['ledger', '--json'], reader)).toEqual({
        code: 0,
        signal: null,
        stdout: seen,
        stderr: '',
      });
      expect(await runVerb(['ledger', 'verify'], reader)).toMatchObject({ code: 0 });
      const acts = await runVerb(['list', 'acts', ...args], reader);
      expect(acts).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/turn\.replay/) });
      expect(readdirSync(copy)).toEqual(before);
      // Nobody may even look: that is not the same as nothing there.
      chmodSync(copy, 0o700);
      expect(await runVerb(['ledger'], reader)).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(
          /ledger\.db can't be read: EACCES.*\n {2}look as the user it belongs to/,
        ),
      });
      const status = await runVerb(['status', '--tmux', ...args], reader);
      expect(status).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('items set aside are not known'),
      });
    },
  );

  it('a file in the place of the ledger is told and left alone', async () => {
    const state = directory('state');
    chmodSync(state, 0o700);
    writeFileSync(join(state, 'ledger.db'), 'not a ledger'.repeat(50));
    const { code, stderr } = await runVerb(['ledger'], { env: { BINNACLE_STATE_DIR: state } });
    expect(stderr).toMatch(
      /the ledger can't be used: \S+ledger\.db: not an SQLite database\n {2}nothing was changed/,
    );
    expect(code).toBe(3);
    expect(statSync(join(state, 'ledger.db')).size).toBe(600);
    expect(existsSync(join(state, 'ledger.db-wal'))).toBe(false);
  });
});
