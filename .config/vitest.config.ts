import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['tests/**/*.test.ts', 'tests/**/*.test.tsx'],
    exclude: ['tests/torture/**', 'tests/bench/**', 'node_modules/**'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxConcurrency: 3,
    // Tests drive real terminals and programs; on a shared machine one may meet its deadline for want of a processor.
    retry: process.env['CI'] ? 2 : 0,
  },
});
