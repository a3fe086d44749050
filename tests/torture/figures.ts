/** What a torture measured, told in one table at the end of the run. */
import type { Reporter, TestModule } from 'vitest/node';

declare module 'vitest' {
  interface TaskMeta {
    /** Each figure by its name, in the order they are to be read. */
    figures?: Readonly<Record<string, string | number>>;
  }
}

/** Prints the figures of all tests, a test's title above them. */
export default class FigureTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines: string[] = [];
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const figures = Object.entries(test.meta().figures ?? {});
        const width = Math.max(0, ...figures.map(([name]) => name.length));
        const seconds = ((test.diagnostic()?.duration ?? 0) / 1_000).toFixed(1);
        lines.push(`\n${test.fullName}: ${test.result().state} in ${seconds} s`);
        for (const [name, value] of figures) lines.push(`  ${name.padEnd(width)}  ${value}`);
      }
    process.stdout.write(`${lines.join('\n')}\n\n`);
  }
}
