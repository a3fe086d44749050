/** A small queue described in `binnacle.yaml`, laid out with a program of its own that puts jobs back. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { layOutCase } from '../systems/fixture-case.ts';

export interface QueueSystem {
  readonly root: string;
  /** Its `binnacle.yaml`. */
  readonly config: string;
  readonly args: readonly string[];
  /** State of a job in the queue's own file. */
  stateOf(job: string): string;
  /** Lets a job fail, which may be a new one. */
  fail(job: string): void;
  /** What its program was started with, one run a row. */
  runs(): { readonly argv: readonly string[]; readonly cwd: string }[];
  remove(): void;
}

/** `honest` puts the job back; `idle` says so, exits 0 and does nothing; `slow` needs a second; `hangs` does nothing for long; `fails` exits 3. */
export type RetryManner = 'honest' | 'idle' | 'slow' | 'hangs' | 'fails';

const description = parse(
  readFileSync(new URL('../../fixtures/custom/queue/kind.yaml', import.meta.url), 'utf8'),
) as { acts: { expect: { within: string }[] }[] };

/** Lays it out. `within` is how long its act may take to be seen. */
export async function layOutQueue(
  manner: RetryManner,
  more: { readonly within?: string; readonly system?: string; readonly config?: string } = {},
): Promise<QueueSystem> {
  const laid = await layOutCase('custom', 'queue');
  const root = laid.dir;
  const kind = structuredClone(description);
  for (const act of kind.acts) for (const stage of act.expect) stage.within = more.within ?? '20s';
  const config = join(root, 'binnacle.yaml');
  writeFileSync(
    config,
    [
      `kinds: { nightly: ${JSON.stringify(kind)} }`,
      `systems: [{ kind: nightly, root: ${JSON.stringify(root)}${more.system ?? ''} }]`,
      more.config ?? '',
    ].join('\n'),
  );
  mkdirSync(join(root, 'bin'));
  const record = join(root, 'runs.jsonl');
  writeFileSync(join(root, 'bin', 'retry'), retryProgram(manner, record));
  chmodSync(join(root, 'bin', 'retry'), 0o755);
  return {
    root,
    config,
    args: ['-C', config],
    stateOf(job) {
      const { jobs } = JSON.parse(readFileSync(join(root, 'state', 'queue.json'), 'utf8')) as {
        jobs: { id: string; state: string }[];
      };
      return jobs.find(({ id }) => id === job)?.state ?? 'gone';
    },
    fail(job) {
      const path = join(root, 'state', 'queue.json');
      const state = JSON.parse(readFileSync(path, 'utf8')) as {
        jobs: { id: string; name: string; state: string }[];
      };
      const jobs = state.jobs.filter((one) => one.id !== job);
      jobs.push({ id: job, name: job, state: 'ERR' });
      writeFileSync(`${path}.new`, JSON.stringify({ jobs }));
      renameSync(`${path}.new`, path);
    },
    runs() {
      try {
        return readFileSync(record, 'utf8')
          .trimEnd()
          .split('\n')
          .map((row) => JSON.parse(row) as { argv: string[]; cwd: string });
      } catch {
        return [];
      }
    },
    remove: laid.remove,
  };
}

function retryProgram(manner: RetryManner, record: string): string {
  return `#!${process.execPath}
const { appendFileSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const manner = ${JSON.stringify(manner)};
const argv = process.argv.slice(2);
appendFileSync(${JSON.stringify(record)}, JSON.stringify({ argv, cwd: process.cwd() }) + '\\n');
const putBack = () => {
  const path = 'state/queue.json';
  const queue = JSON.parse(readFileSync(path, 'utf8'));
  const job = queue.jobs.find(({ id }) => id === argv[1]);
  job.state = 'RUN';
  job.beat = new Date().toISOString();
  writeFileSync(path + '.new', JSON.stringify(queue));
  renameSync(path + '.new', path);
};
console.log('job ' + argv[1] + ' put back');
if (manner === 'honest') putBack();
if (manner === 'slow') setTimeout(putBack, 1000);
if (manner === 'hangs') setTimeout(() => {}, 20_000);
if (manner === 'fails') process.exitCode = 3;
`;
}
