import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = new URL('..', import.meta.url).pathname;

/** Folders and files whose tests wait most of their time: for programs they start, for deadlines, for the disk. */
const WAITING =
  /\/tests\/(e2e|acts|db|engine|ingest)\/|\/systems\/\w+\/(acts[\w-]*|[\w-]*live|demo|simulator|traps)\.test/;

/** Those that wait begin first, so that the others fill the processor meanwhile; within both, as vitest sorts. */
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWaiting = ({ moduleId }: TestSpecification): boolean => WAITING.test(moduleId);
    return [...sorted.filter(isWaiting), ...sorted.filter((file) => !isWaiting(file))];
  }
}

export default defineConfig({
  root,
  test: {
    include: ['tests/**/*.test.ts', 'tests/**/*.test.tsx'],
    exclude: ['tests/torture/**', 'tests/bench/**', 'node_modules/**'],
    setupFiles: ['tests/setup.ts'],
    environment: 'node',
    pool: 'forks',
    // More than there are processors: half of the files wait for terminals, deadlines and simulated systems.
    maxWorkers: 4,
    // A worker goes on with the next file: loading Ink, zod and the five kinds anew for each costs 30 s of processor time.
    isolate: false,
    sequence: { sequencer: WaitingFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxConcurrency: 3,
    // Programs that tests start from source are stripped of their types and compiled once.
    env: { NODE_COMPILE_CACHE: `${root}node_modules/.cache/compiled` },
    // Tests drive real terminals and programs; on a shared machine one may meet its deadline for want of a processor.
    retry: process.env['CI'] ? 2 : 0,
  },
});
