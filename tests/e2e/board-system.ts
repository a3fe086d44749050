/** A board of jobs with a log, described in `binnacle.yaml`: what a test writes to it is all there is. */
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './cockpit.ts';

const kind = {
  title: 'Board',
  recognise: ['board.json'],
  sources: {
    board: { type: 'document', glob: 'board.json' },
    app: {
      type: 'log',
      glob: 'app.log',
      format: 'json',
      time: 'ts',
      level: 'lvl',
      message: 'msg',
      keys: ['job'],
    },
  },
  entities: [
    {
      type: 'job',
      from: 'board',
      each: 'jobs',
      id: 'id',
      title: '{name}',
      status: { field: 'state', map: { RUN: 'running', ERR: 'failed', OK: 'done' } },
      attention: [{ when: { status: ['failed'] }, rank: 2, label: 'FATAL', why: 'it failed' }],
    },
  ],
};

/** Jobs by id. States: `RUN`, `ERR`, `OK`. */
export type BoardJobs = Readonly<Record<string, { readonly name: string; readonly state: string }>>;

export interface BoardSystem {
  readonly root: string;
  /** A directory for the cockpits' own records; not made yet. */
  readonly state: string;
  readonly args: readonly string[];
  /** Replaces the jobs in one step. */
  write(jobs: BoardJobs): void;
  /** Adds lines to the log. */
  log(...lines: readonly object[]): void;
  remove(): void;
}

/** Lays it out, without a job. */
export function layOutBoard(): BoardSystem {
  const home = temporaryDirectory('e2e-board');
  const root = join(home.path, 'root');
  mkdirSync(root);
  const config = join(home.path, 'binnacle.yaml');
  writeFileSync(
    config,
    `kinds: { board: ${JSON.stringify(kind)} }\nsystems: [{ kind: board, root: ${root} }]\n`,
  );
  return {
    root,
    state: join(home.path, 'state'),
    args: ['-C', config],
    write(jobs) {
      const text = JSON.stringify({ jobs: Object.entries(jobs).map(([id, job]) => ({ id, ...job })) });
      writeFileSync(join(root, 'board.json.new'), text);
      renameSync(join(root, 'board.json.new'), join(root, 'board.json'));
    },
    log(...lines) {
      appendFileSync(join(root, 'app.log'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
    remove: home.remove,
  };
}
